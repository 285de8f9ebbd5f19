(** * The sequential product: the definition's own backward recurrence

    The logits of this form are the definition itself.  For each query i, with the rows x_ij = q_i H_i ... H_{j+1} that meet
    the keys kept, one pass from j = 0 to i. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Scalars Logits.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module SequentialProduct.

Section Query.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Local Notation k := (k s).
Local Notation w := (w s).
Local Notation beta := (beta s).
Local Notation H := (H s).
Local Notation prodH := (prodH s).

(** The query of token i, and the cotangents G_i0, ..., G_ii of its logits. *)
Variables (qi : 'rV[R]_d) (i : nat) (G : nat -> R).

(** x_j = q_i H_i ... H_{j+1}, for which A_ij = x_j k_j^T. *)
Definition x j : 'rV[R]_d := qi *m prodH j.+1 i.+1.

(** u = x_j w_j^T,  s = y_j w_j^T,  where y_j is the cotangent of x_j H_j:
    y <- 0;  for j = 0, ..., i:  y <- y - beta_j s w_j + G_ij k_j *)
Definition u j : R := dot (x j) (w j).
Fixpoint y j : 'rV[R]_d :=
  if j is t.+1 then y t - (beta t * dot (y t) (w t)) *: w t + G t *: k t else 0.
Definition s_ j : R := dot (y j) (w j).

(** What the query adds to the gradients of token j, and its own gradient. *)
Definition dk j := G j *: x j.
Definition dw j := - (beta j *: (s_ j *: x j + u j *: y j)).
Definition dbeta j := - (u j * s_ j).
Definition dq := y i.+1.

End Query.

(** The gradient of n tokens: sums over the queries i >= t of all heads. *)
Section Gradient.
Variables (R : comRingType) (d g : nat) (s : segment R d g) (n : nat) (G : 'I_g -> 'M[R]_n).

Definition backward : gradient R d g n := Gradient
  (fun h => \matrix_(i < n) dq s i (entry (G h) i))
  (\matrix_(t < n) \sum_h \sum_(i < n | (t <= i)%N) dk s (q s h i) i (entry (G h) i) t)
  (\matrix_(t < n) \sum_h \sum_(i < n | (t <= i)%N) dw s (q s h i) i (entry (G h) i) t)
  (\row_(t < n) \sum_h \sum_(i < n | (t <= i)%N) dbeta s (q s h i) i (entry (G h) i) t).

End Gradient.

(** ** The chain rule *)

Section ChainRule.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Variable D : {additive R -> R}.
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' v" := (map_mx D v) (at level 8, v at level 2).
Local Notation k := (k s).
Local Notation w := (w s).
Local Notation beta := (beta s).
Local Notation H := (H s).
Local Notation prodH := (prodH s).
Local Notation x := (x s).
Local Notation u := (u s).
Local Notation y := (y s).
Local Notation s_ := (s_ s).
Local Notation dk := (dk s).
Local Notation dw := (dw s).
Local Notation dbeta := (dbeta s).

Lemma mulH z t : z *m H t = z - (beta t * dot z (w t)) *: w t.
Proof. by rewrite /Logits.H mulmxBr mulmx1 -scalemxAr mulmxA mul_rank1 scalerA. Qed.

Lemma x_step qi i t : (t <= i)%N -> qi *m prodH t i.+1 = x qi i t *m H t.
Proof. by move=> le_ti; rewrite /x /Logits.prodH -mulmxA -descending_last. Qed.

Lemma backward_invariant qi i (G : nat -> R) m : (m <= i.+1)%N ->
  \sum_(j < m) G j * D (dot (x qi i j) (k j)) =
  dot ('D (qi *m prodH m i.+1)) (y G m) +
  \sum_(j < m) (dot ('D (k j)) (dk qi i G j) + dot ('D (w j)) (dw qi i G j) + D (beta j) * dbeta qi i G j).
Proof.
elim: m => [|m IHm] le_mi; first by rewrite !big_ord0 dot0r addr0.
rewrite !big_ord_recr /= {}IHm ?(ltnW le_mi) // x_step // mulH map_mxB (D_scale Leibniz) Leibniz !(D_dot Leibniz).
rewrite -/(x qi i m) /dw /dk /dbeta -/(s_ G m) -/(u qi i m).
rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) -/(u qi i m) [dot (w m) (y G m)]dotC -/(s_ G m).
rewrite [dot (x qi i m) ('D (w m))]dotC [dot (x qi i m) ('D (k m))]dotC.
exact: chain_step.
Qed.

Lemma logitE h i j : logit s h i j = dot (x (q s h i) i j) (k j).
Proof. by []. Qed.

Lemma ip_logits n (G : 'I_g -> 'M[R]_n) h : ip (G h) ('D (logits s h 0 n)) =
  \sum_(i < n) \sum_(j < n | (j <= i)%N) entry (G h) i j * D (dot (x (q s h i) i j) (k j)).
Proof.
apply: eq_bigr => i _; rewrite [RHS]big_mkcond; apply: eq_bigr => j _.
by rewrite !mxE entryE !add0n logitE; case: ifP => _; rewrite ?raddf0 ?mulr0.
Qed.

Theorem backward_correct n (G : 'I_g -> 'M[R]_n) :
  \sum_h ip (G h) ('D (logits s h 0 n)) = pairing (backward s G) (map_segment D s) 0.
Proof.
pose part h i t := dot ('D (k t)) (dk (q s h i) i (entry (G h) i) t) + dot ('D (w t)) (dw (q s h i) i (entry (G h) i) t)
  + D (beta t) * dbeta (q s h i) i (entry (G h) i) t.
transitivity (\sum_h (ip (dQ (backward s G) h) (Q (map_segment D s) h 0 n) +
    \sum_(t < n) \sum_(i < n | (t <= i)%N) part h i t)).
  apply: eq_bigr => h _; rewrite ip_logits /Q ip_rows.
  rewrite [X in _ = _ + X](exchange_big_dep xpredT) //= -big_split; apply: eq_bigr => i _ /=.
  rewrite rowK dotC /= add0n.
  have := backward_invariant (q s h i) (entry (G h) i) (leqnn i.+1).
  rewrite /Logits.prodH descending_nil // mulmx1.
  rewrite (big_ord_widen n (fun j => entry (G h) i j * D (dot (x (q s h i) i j) (k j))) (ltn_ord i)) => ->.
  by rewrite (big_ord_widen n (part h i) (ltn_ord i)).
rewrite big_split /= /pairing -!addrA; congr (_ + _).
rewrite exchange_big /= /K /W /b !ip_rows ip_numbers -!big_split; apply: eq_bigr => t _ /=.
rewrite !rowK mxE add0n !(dotC (\sum_h _)) !dot_sumr mulr_suml -!big_split; apply: eq_bigr => h _ /=.
rewrite !dot_sumr mulr_suml -!big_split; apply: eq_bigr => i _ /=.
by rewrite /part -addrA [D _ * _]mulrC.
Qed.

End ChainRule.

(** ** The same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (d g : nat) (f : {rmorphism S -> R}) (s : segment S d g) (r : segment R d g).
Hypothesis im : image f s r.
Local Notation "''f' v" := (map_mx f v) (at level 8, v at level 2).

Let eqq : forall h t, 'f (q s h t) = q r h t. Proof. by case: im. Qed.
Let eqk : forall t, 'f (k s t) = k r t. Proof. by case: im. Qed.
Let eqw : forall t, 'f (w s t) = w r t. Proof. by case: im. Qed.
Let eqb : forall t, f (beta s t) = beta r t. Proof. by case: im. Qed.

Lemma map_x qi i j : 'f (x s qi i j) = x r ('f qi) i j.
Proof. by rewrite /x map_mxM (map_prodH im). Qed.
Lemma map_u qi i j : f (u s qi i j) = u r ('f qi) i j.
Proof. by rewrite /u map_dot map_x eqw. Qed.
Lemma map_y (G : nat -> S) (G' : nat -> R) : (forall j, f (G j) = G' j) -> forall j, 'f (y s G j) = y r G' j.
Proof.
move=> eqG; elim=> [|j IHj] /=; first by rewrite map_mx0.
by rewrite map_mxD map_mxB !map_mxZ rmorphM map_dot IHj eqG eqw eqk eqb.
Qed.

Lemma map_backward n (G : 'I_g -> 'M[S]_n) (G' : 'I_g -> 'M[R]_n) : (forall h, 'f (G h) = G' h) ->
  same (map_gradient f (backward s G)) (backward r G').
Proof.
move=> eqG; have eqe h i j : f (entry (G h) i j) = entry (G' h) i j by exact: map_entry.
have eqy h i := map_y (eqe h i).
split=> [h|||].
- by apply/row_matrixP => i; rewrite -map_row !rowK /dq eqy.
- apply/row_matrixP => t; rewrite -map_row !rowK map_sum; apply: eq_bigr => h _; rewrite raddf_sum.
  by apply: eq_bigr => i _; rewrite /dk /= map_mxZ map_x eqe eqq.
- apply/row_matrixP => t; rewrite -map_row !rowK map_sum; apply: eq_bigr => h _; rewrite raddf_sum.
  by apply: eq_bigr => i _; rewrite /dw /= map_mxN !(map_mxZ, map_mxD) map_x map_u /s_ map_dot eqy eqq eqw eqb.
- apply/rowP => t; rewrite !mxE rmorph_sum; apply: eq_bigr => h _; rewrite rmorph_sum.
  by apply: eq_bigr => i _; rewrite /dbeta rmorphN rmorphM map_u /s_ map_dot eqy eqq eqw.
Qed.

End Map.

(** ** The recurrence computes the gradient *)

Theorem gradient_correct (R : comRingType) (d g : nat) (s : segment R d g) n (G : 'I_g -> 'M[R]_n) :
  is_gradient s G (backward s G).
Proof.
apply: (is_gradient_from (xline := fun s' => backward (along s s') (const G))) => s'.
  exact: (backward_correct (along s s') (@derivM R) (const G)).
by apply: map_backward => [|h]; [exact: image_along | exact: at0_const].
Qed.

End SequentialProduct.
