(** * The compact-WY form: all reflections of a run of tokens at once *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Scalars Logits Forms.UTTransform.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory UTTransform.
Local Open Scope ring_scope.

Module CompactWY.

(** ** Definitions *)

Section Forward.
Variables (R : comRingType) (d n : nat) (Qh K W : 'M[R]_(n, d)) (b : 'rV[R]_n).

(** X = tril(Q W^T),  Y = stril(W K^T),  Z = T Y,  A = tril(Q K^T) - X Z *)
Definition X : 'M[R]_n := tril (Qh *m W^T).
Definition Y : 'M[R]_n := stril (W *m K^T).
Definition Z : 'M[R]_n := T W b *m Y.
Definition A : 'M[R]_n := tril (Qh *m K^T) - X *m Z.

End Forward.

Section Backward.
Variables (R : comRingType) (d g n : nat) (Q : 'I_g -> 'M[R]_(n, d)) (K W : 'M[R]_(n, d)) (b : 'rV[R]_n).
Local Notation X h := (X (Q h) W).
Local Notation Y := (Y K W).
Local Notation Z := (Z K W b).

(** G_h is the cotangent of A_h, for each of the g heads that share K, W and b. *)
Variable G : 'I_g -> 'M[R]_n.

Definition dX h := - tril (G h *m Z^T).
Definition dZ := - \sum_h (X h)^T *m G h.
Definition E := - stril (N W b dZ *m Z^T).
Definition dY := stril (diag_mx b *m N W b dZ).

Definition backward : gradient R d g n := Gradient
  (fun h => tril (G h) *m K + dX h *m W)
  (\sum_h (tril (G h))^T *m Q h + dY^T *m W)
  (\sum_h (dX h)^T *m Q h + dY *m K + F b E *m W + (F b E)^T *m W)
  (rowsum (N W b dZ) Y + rowsum E (W *m W^T)).

End Backward.

(** ** Forward: A is the table of logits *)

Section Correct.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Local Notation q := (q s).
Local Notation k := (k s).
Local Notation w := (w s).
Local Notation prodH := (prodH s).
Local Notation Q := (Q s).
Local Notation K := (K s).
Local Notation W := (W s).
Local Notation b := (b s).
Local Notation Z a n := (Z (K a n) (W a n) (b a n)).

Lemma row_tril_QW_mul h a n p (P : 'M[R]_(n, p)) (t : 'I_n) :
  row t (X (Q h a n) (W a n) *m P) = q h (a + t)%N *m \sum_(r < n | (r < t.+1)%N) (w (a + r)%N)^T *m row r P.
Proof.
rewrite mulmx_sumr row_mul mulmx_sum_row [RHS]big_mkcond; apply: eq_bigr => r _.
rewrite !mxE ltnS; case: ifP => _; last by rewrite scale0r.
rewrite mulmxA mul_rank1; congr (_ *: _).
by rewrite /dot !mxE; apply: eq_bigr => x _; rewrite !mxE.
Qed.

Lemma row_col_Z0 a n (r j : 'I_n) : (r <= j)%N -> row r (col j (Z a n)) = 0.
Proof. by move=> le_rj; apply/rowP => x; rewrite 2!mxE [RHS]mxE T_stril. Qed.

(** H_{a+m-1} ... H_{j+1} k_j^T = k_j^T - sum_{r < m} w_r^T Z_rj, of which the terms r <= j are zero. *)
Lemma prodH_Z a n (j : 'I_n) m : (j < m <= n)%N ->
  prodH (a + j).+1 (a + m) *m (k (a + j)%N)^T =
  (k (a + j)%N)^T - \sum_(r < n | (r < m)%N) (w (a + r)%N)^T *m row r (col j (Z a n)).
Proof.
move=> jmn; have drop_lo c : (j < c)%N -> \sum_(r < n | (r < c)%N) (w (a + r)%N)^T *m row r (col j (Z a n)) =
    \sum_(r < n | (j.+1 <= r < c)%N) (w (a + r)%N)^T *m row r (col j (Z a n)).
  move=> lt_jc; rewrite (bigID (fun r : 'I_n => (j < r)%N)) /= addrC big1 ?add0r.
    by apply: eq_bigl => r; rewrite andbC.
  by move=> r /andP[_]; rewrite -leqNgt => /row_col_Z0->; rewrite mulmx0.
rewrite drop_lo; last by case/andP: jmn.
rewrite -addnS (@prodH_sum _ _ _ _ _ n 1 (k (a + j)%N)^T (col j (Z a n)) j.+1) // => t lt_jt.
have -> := @solve_row _ _ _ s a n 1 (col j (Z a n)) (col j (Y (K a n) (W a n))) t; last first.
  by rewrite !colE -[CompactWY.Z _ _ _ *m _]mulmxA MT_mul.
rewrite mulmxBr -drop_lo // mulmx_sumr; congr (_ *: (_ - _)); last first.
  by apply: eq_bigr => r _; rewrite mulmxA.
apply/rowP => x; rewrite !mxE lt_jt ord1; apply: eq_bigr => y _.
by rewrite !mxE.
Qed.

(** tril(Q K^T) - tril(Q W^T) T stril(W K^T) is the table of logits *)
Theorem forward_correct h a n : A (Q h a n) (K a n) (W a n) (b a n) = logits s h a n.
Proof.
apply/matrixP => i j; rewrite [RHS]mxE [LHS]mxE [tril _ i j]mxE.
have -> : (- (X (Q h a n) (W a n) *m Z a n)) i j =
    - (q h (a + i)%N *m \sum_(r < n | (r < i.+1)%N) (w (a + r)%N)^T *m row r (col j (Z a n))) 0 0.
  by rewrite -row_tril_QW_mul mxE colE mulmxA -colE !mxE.
case: leqP => [le_ji | lt_ij].
  rewrite /logit -mulmxA -(addnS a i) prodH_Z ?ltnS ?le_ji ?ltn_ord // mulmxBr [RHS]mxE [in RHS]addrC [LHS]addrC [in RHS]mxE.
  congr (_ + _); rewrite !mxE; apply: eq_bigr => x _; by rewrite !mxE.
rewrite big1 ?mulmx0 ?mxE ?subr0 // => r; rewrite ltnS => le_ri.
by rewrite row_col_Z0 ?mulmx0 // (leq_trans le_ri (ltnW lt_ij)).
Qed.

End Correct.

(** ** Backward: the chain rule, in two parts as in the program *)

Section ChainRule.
Variables (R : comRingType) (D : {additive R -> R}).
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' P" := (map_mx D P) (at level 8, P at level 2).
Variables (d n : nat) (K W : 'M[R]_(n, d)) (b : 'rV[R]_n).
Local Notation Z := (Z K W b).

(** From the cotangent of A to those of Q, K, X and Z. *)
Lemma logits_backward (Qh : 'M[R]_(n, d)) G : ip G ('D (A Qh K W b)) =
  ip (tril G *m K) ('D Qh) + ip ((tril G)^T *m Qh) ('D K) +
  (ip (- tril (G *m Z^T)) ('D (Qh *m W^T)) + ip (- ((X Qh W)^T *m G)) ('D Z)).
Proof.
rewrite map_mxB (D_mul Leibniz _ Z) !D_tril opprD !ipDr !ipNr ip_tril (ip_D_mul Leibniz); congr (_ + (_ + _)).
  by rewrite ip_mull ip_tril ipNl.
by rewrite ip_mulr ipNl.
Qed.

(** From the cotangent of Z to those of W, K, b and of diag(b) W W^T. *)
Lemma solve_backward dZ : ip dZ ('D Z) =
  ip (stril (diag_mx b *m N W b dZ) *m K) ('D W) + ip ((stril (diag_mx b *m N W b dZ))^T *m W) ('D K) +
  ip (rowsum (N W b dZ) (Y K W)) ('D b) + ip (- stril (N W b dZ *m Z^T)) ('D (diag_mx b *m (W *m W^T))).
Proof. by rewrite (transform_backward W b Leibniz) D_stril ip_stril (ip_D_mul Leibniz). Qed.

Lemma backward_correct g (Q : 'I_g -> 'M[R]_(n, d)) (G : 'I_g -> 'M[R]_n) (x := backward Q K W b G) :
  \sum_h ip (G h) ('D (A (Q h) K W b)) =
  \sum_h ip (dQ x h) ('D (Q h)) + ip (dK x) ('D K) + ip (dW x) ('D W) + ip (dbeta x) ('D b).
Proof.
pose y h := ip (dQ x h) ('D (Q h)) + ip ((tril (G h))^T *m Q h) ('D K) + ip ((dX K W b G h)^T *m Q h) ('D W) +
  ip (- ((X (Q h) W)^T *m G h)) ('D Z).
rewrite (eq_bigr y) => [|h _]; last first.
  rewrite /y logits_backward /x /= (ip_D_mul Leibniz) ipDl -!addrA; congr (_ + _).
  by rewrite addrCA; congr (_ + _); rewrite addrCA.
rewrite /y !big_split /= -!addrA; congr (_ + _).
rewrite -!ip_suml sumrN -/(dZ Q W G) solve_backward (gram_backward W b Leibniz) /x /= !ipDl.
collect_by collect_compact.
Qed.

End ChainRule.

(** ** The same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (f : {rmorphism S -> R}) (d g n : nat).
Variables (Qs : 'I_g -> 'M[S]_(n, d)) (Qr : 'I_g -> 'M[R]_(n, d)) (K W : 'M[S]_(n, d)) (b : 'rV[S]_n).
Variables (Gs : 'I_g -> 'M[S]_n) (Gr : 'I_g -> 'M[R]_n).
Local Notation "''f' v" := (map_mx f v) (at level 8, v at level 2).
Hypotheses (eqQ : forall h, 'f (Qs h) = Qr h) (eqG : forall h, 'f (Gs h) = Gr h).

Lemma map_X h : 'f (X (Qs h) W) = X (Qr h) ('f W).
Proof. by rewrite /X !mapE eqQ. Qed.
Lemma map_Y : 'f (Y K W) = Y ('f K) ('f W).
Proof. by rewrite /Y !mapE. Qed.
Lemma map_Z : 'f (Z K W b) = Z ('f K) ('f W) ('f b).
Proof. by rewrite /Z map_mxM map_T map_Y. Qed.

Lemma map_backward : same (map_gradient f (backward Qs K W b Gs)) (backward Qr ('f K) ('f W) ('f b) Gr).
Proof.
have eqdX h : 'f (dX K W b Gs h) = dX ('f K) ('f W) ('f b) Gr h by rewrite /dX !(map_Z, eqG, mapE).
have eqdZ : 'f (dZ Qs W Gs) = dZ Qr ('f W) Gr.
  by rewrite /dZ !mapE; congr (- _); apply: eq_bigr => h _; rewrite !(map_X, eqG, mapE).
have eqE : 'f (E Qs K W b Gs) = E Qr ('f K) ('f W) ('f b) Gr by rewrite /E !(map_N, map_Z, eqdZ, mapE).
have eqdY : 'f (dY Qs W b Gs) = dY Qr ('f W) ('f b) Gr by rewrite /dY !(map_N, eqdZ, mapE).
split=> [h|||] /=.
- by rewrite !(eqG, eqdX, mapE).
- by rewrite !(eqdY, mapE); congr (_ + _); apply: eq_bigr => h _; rewrite !(eqG, eqQ, mapE).
- by rewrite !(map_F, eqE, eqdY, mapE); congr (_ + _ + _ + _); apply: eq_bigr => h _; rewrite !(eqdX, eqQ, mapE).
- by rewrite !(map_N, eqdZ, eqE, map_Y, mapE).
Qed.

End Map.

(** ** Backward: the formulas compute the gradient *)

Theorem gradient_correct (R : comRingType) (d g : nat) (s : segment R d g) n (G : 'I_g -> 'M[R]_n) :
  is_gradient s G (backward (fun h => Q s h 0 n) (K s 0 n) (W s 0 n) (b s 0 n) G).
Proof.
pose back s' := let s := along s s' in backward (fun h => Q s h 0 n) (K s 0 n) (W s 0 n) (b s 0 n) (const G).
apply: (is_gradient_from (xline := back)) => s'.
  under eq_bigr => h do rewrite -(forward_correct (along s s')).
  rewrite (backward_correct (@derivM R)) /pairing D_rows D_rows D_numbers; congr (_ + _ + _ + _).
  by apply: eq_bigr => h _; rewrite D_rows.
have im := image_along s s'; rewrite -(map_K im) -(map_W im) -(map_b im).
by apply: map_backward => h; rewrite ?(map_Q im) ?at0_const.
Qed.

End CompactWY.
