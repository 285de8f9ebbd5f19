(** * What every gradient of the logits must satisfy, whichever form computed it *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Scalars Logits Forms.SequentialProduct.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module Identities.

(** ** One query *)

Section Query.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Local Notation k := (k s).
Local Notation w := (w s).
Local Notation beta := (beta s).
Local Notation prodH := (prodH s).
Local Notation x := (SequentialProduct.x s).
Local Notation y := (SequentialProduct.y s).
Local Notation u := (SequentialProduct.u s).
Local Notation s_ := (SequentialProduct.s_ s).
Local Notation dk := (SequentialProduct.dk s).
Local Notation dw := (SequentialProduct.dw s).
Local Notation dbeta := (SequentialProduct.dbeta s).
Variables (qi : 'rV[R]_d) (i : nat) (G : nat -> R).

Lemma w_dot_dw_query t : dot (w t) (dw qi i G t) = beta t * dbeta qi i G t *+ 2.
Proof.
rewrite /SequentialProduct.dw /SequentialProduct.dbeta dotNr dotZr dotDr !dotZr ![dot (w t) _]dotC.
rewrite -/(u qi i t) -/(s_ G t).
by rewrite [s_ G t * _]mulrC -mulr2n mulrN mulNrn -mulrnAr.
Qed.

Lemma first_query : dw qi i G 0 = 0 /\ dbeta qi i G 0 = 0.
Proof.
rewrite /SequentialProduct.dw /SequentialProduct.dbeta /SequentialProduct.s_ /= dotC dot0r.
by rewrite scale0r scaler0 addr0 scaler0 oppr0 mulr0 oppr0.
Qed.

(** The query's part of Q^T dQ + K^T dK + W^T dW. *)
Lemma symmetric_query m : (m <= i.+1)%N ->
  let S := (qi *m prodH m i.+1)^T *m y G m + \sum_(j < m) ((k j)^T *m dk qi i G j + (w j)^T *m dw qi i G j) in S^T = S.
Proof.
elim: m => [|m IHm] lt_mi /=; first by rewrite big_ord0 mulmx0 addr0 trmx0.
rewrite big_ord_recr /=; set S := \sum_(j < m) _ in IHm *.
have -> : (qi *m prodH m.+1 i.+1)^T *m (y G m - (beta m * dot (y G m) (w m)) *: w m + G m *: k m) +
    (S + ((k m)^T *m dk qi i G m + (w m)^T *m dw qi i G m)) =
    ((qi *m prodH m i.+1)^T *m y G m + S) + (G m *: ((x qi i m)^T *m k m + (k m)^T *m x qi i m) -
      (beta m * s_ G m) *: ((x qi i m)^T *m w m + (w m)^T *m x qi i m)).
  rewrite (@SequentialProduct.x_step _ _ _ s qi i m lt_mi) SequentialProduct.mulH -/(x qi i m).
  rewrite /SequentialProduct.dk /SequentialProduct.dw -/(s_ G m) -/(u qi i m).
  apply/matrixP => a c; rewrite !(mxE, big_ord1) -/(x qi i m); exact: symmetry_step.
have outer_symmetric (v z : 'rV[R]_d) : (v^T *m z + z^T *m v)^T = v^T *m z + z^T *m v.
  by rewrite linearD /= !trmx_mul !trmxK addrC.
by rewrite linearD /= (IHm (ltnW lt_mi)) linearB /= !linearZ /= !outer_symmetric.
Qed.

End Query.

(** X^T P = sum_t x_t^T p_t *)
Lemma tr_rows_mul (R : comRingType) d p n (z : nat -> 'rV[R]_d) (P : 'M[R]_(n, p)) :
  (rows z 0 n)^T *m P = \sum_(t < n) (z t)^T *m row t P.
Proof.
apply/matrixP => i j; rewrite summxE !mxE; apply: eq_bigr => t _.
by rewrite !mxE big_ord1 !mxE.
Qed.

(** ** The identities *)

Section Gradients.
Variables (R : comRingType) (d g n : nat) (s : segment R d g) (G : 'I_g -> 'M[R]_n) (x : gradient R d g n).
Hypothesis x_is_gradient : is_gradient s G x.

(** w_t . dw_t = 2 beta_t dbeta_t *)
Theorem w_dot_dw (t : 'I_n) : dot (w s t) (row t (dW x)) = beta s t * dbeta x 0 t *+ 2.
Proof.
have [_ _ -> ->] := gradient_unique x_is_gradient (SequentialProduct.gradient_correct s G).
rewrite rowK mxE !dot_sumr mulr_sumr -sumrMnl; apply: eq_bigr => h _.
rewrite dot_sumr mulr_sumr -sumrMnl; apply: eq_bigr => i _; exact: w_dot_dw_query.
Qed.

(** w and beta of the first token never act. *)
Theorem first_zero (t : 'I_n) : t = 0%N :> nat -> row t (dW x) = 0 /\ dbeta x 0 t = 0.
Proof.
have [_ _ -> ->] := gradient_unique x_is_gradient (SequentialProduct.gradient_correct s G) => t0.
rewrite rowK mxE t0; split; apply: big1 => h _; apply: big1 => i _;
  by have [dw0 dbeta0] := first_query s (q s h i) i (entry (G h) i).
Qed.

(** Q^T dQ + K^T dK + W^T dW is symmetric. *)
Theorem gradient_symmetric :
  let S := \sum_h (Q s h 0 n)^T *m dQ x h + (K s 0 n)^T *m dK x + (W s 0 n)^T *m dW x in S^T = S.
Proof.
have [eqQ -> -> _] := gradient_unique x_is_gradient (SequentialProduct.gradient_correct s G).
set S := _ + _ => /=.
pose part h i := (q s h i)^T *m SequentialProduct.dq s i (entry (G h) i) +
  \sum_(t < n | (t <= i)%N) ((k s t)^T *m SequentialProduct.dk s (q s h i) i (entry (G h) i) t +
    (w s t)^T *m SequentialProduct.dw s (q s h i) i (entry (G h) i) t).
have -> : S = \sum_h \sum_(i < n) part h i.
  rewrite /S /Q /K /W !tr_rows_mul -addrA -big_split /=.
  have -> : \sum_(t < n) ((k s t)^T *m row t (dK (SequentialProduct.backward s G)) +
      (w s t)^T *m row t (dW (SequentialProduct.backward s G))) =
      \sum_h \sum_(i < n) \sum_(t < n | (t <= i)%N)
        ((k s t)^T *m SequentialProduct.dk s (q s h i) i (entry (G h) i) t +
         (w s t)^T *m SequentialProduct.dw s (q s h i) i (entry (G h) i) t).
    under [RHS]eq_bigr => h do rewrite (exchange_big_dep xpredT) //=.
    rewrite [RHS]exchange_big /=; apply: eq_bigr => t _; rewrite !rowK !mulmx_sumr -big_split; apply: eq_bigr => h _ /=.
    by rewrite !mulmx_sumr -big_split.
  rewrite -big_split; apply: eq_bigr => h _ /=; rewrite eqQ /= tr_rows_mul -big_split; apply: eq_bigr => i _ /=.
  by rewrite rowK.
rewrite linear_sum /=; apply: eq_bigr => h _; rewrite linear_sum /=; apply: eq_bigr => i _.
have := symmetric_query s (q s h i) (entry (G h) i) (leqnn i.+1).
rewrite /Logits.prodH descending_nil // mulmx1 /part.
by rewrite (big_ord_widen n (fun j => (k s j)^T *m SequentialProduct.dk s (q s h i) i (entry (G h) i) j +
  (w s j)^T *m SequentialProduct.dw s (q s h i) i (entry (G h) i) j) (ltn_ord i)).
Qed.

(** The gradients of k, w and beta are those of each query head by itself, summed. *)
Definition head h : segment R d 1 := Segment (fun=> q s h) (k s) (w s) (beta s).

Theorem group_sum (x_ : 'I_g -> gradient R d 1 n) : (forall h, is_gradient (head h) (fun=> G h) (x_ h)) ->
  same x (Gradient (fun h => dQ (x_ h) 0) (\sum_h dK (x_ h)) (\sum_h dW (x_ h)) (\sum_h dbeta (x_ h))).
Proof.
move=> gx; apply: gradient_unique x_is_gradient _ => s'; rewrite /pairing /= !ip_suml -!big_split; apply: eq_bigr => h _ /=.
have := gx h (Segment (fun=> q s' h) (k s') (w s') (beta s')); rewrite /pairing !big_ord1 => <-.
by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite !mxE.
Qed.

End Gradients.

End Identities.
