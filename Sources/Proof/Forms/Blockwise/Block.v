(** * One block of the blockwise form: its diagonal tile, and what other blocks need to know of it *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Scalars Logits Forms.UTTransform Forms.CompactWY.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory UTTransform CompactWY.
Local Open Scope ring_scope.

Module Block.

(** ** Definitions *)

Section Forward.
Variables (R : comRingType) (d n : nat) (Qh K W : 'M[R]_(n, d)) (b : 'rV[R]_n).

(** Q~ = Q - tril(Q W^T) T W,   row t: q_t H_t ... H_first *)
Definition Qtilde : 'M[R]_(n, d) := Qh - X Qh W *m U W b.

(** K^ = K - (T stril(W K^T))^T W,   row t: H_last ... H_{t+1} k_t^T, as a row *)
Definition Khat : 'M[R]_(n, d) := K - (Z K W b)^T *m W.

(** R = 1 - W^T T W = H_last ... H_first.  (Here it is called carry, as R is the ring.) *)
Definition carry : 'M[R]_d := 1%:M - W^T *m U W b.

End Forward.

Section Backward.
Variables (R : comRingType) (d g n : nat) (Q : 'I_g -> 'M[R]_(n, d)) (K W : 'M[R]_(n, d)) (b : 'rV[R]_n).
Local Notation X h := (X (Q h) W).
Local Notation Y := (Y K W).
Local Notation Z := (Z K W b).
Local Notation U := (U W b).

(** The cotangents of the diagonal tile A_h and of Q~_h for each head, of K^ and of R. *)
Variables (G : 'I_g -> 'M[R]_n) (dQtilde : 'I_g -> 'M[R]_(n, d)) (dKhat : 'M[R]_(n, d)) (dcarry : 'M[R]_d).

Definition dX h := - tril (G h *m Z^T) - tril (dQtilde h *m U^T).
Definition dZ := - (\sum_h (X h)^T *m G h) - W *m dKhat^T.
Definition dU := - (\sum_h (X h)^T *m dQtilde h) - W *m dcarry.
Definition E := - stril (N W b dZ *m Z^T) - stril (N W b dU *m U^T).
Definition dY := stril (diag_mx b *m N W b dZ).

Definition backward : gradient R d g n := Gradient
  (fun h => tril (G h) *m K + dX h *m W + dQtilde h)
  (\sum_h (tril (G h))^T *m Q h + dY^T *m W + dKhat)
  (\sum_h (dX h)^T *m Q h + dY *m K + diag_mx b *m N W b dU + (F b E *m W + (F b E)^T *m W) - Z *m dKhat - U *m dcarry^T)
  (rowsum (N W b dZ) Y + rowsum (N W b dU) W + rowsum E (W *m W^T)).

End Backward.

(** ** Forward *)

Section Correct.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Local Notation q := (q s).
Local Notation k := (k s).
Local Notation prodH := (prodH s).
Local Notation Q := (Q s).
Local Notation K := (K s).
Local Notation W := (W s).
Local Notation b := (b s).

Theorem Qtilde_row h a n (t : 'I_n) :
  row t (Qtilde (Q h a n) (W a n) (b a n)) = q h (a + t)%N *m prodH a (a + t).+1.
Proof.
rewrite -addnS (prodH_U s a (ltn_ord t)) mulmxBr mulmx1 -row_tril_QW_mul.
by rewrite /Qtilde linearB /= rowK.
Qed.

Theorem Khat_row a n (t : 'I_n) :
  row t (Khat (K a n) (W a n) (b a n)) = (prodH (a + t).+1 (a + n) *m (k (a + t)%N)^T)^T.
Proof.
rewrite (@prodH_Z _ _ _ s a n t) ?ltn_ord ?leqnn // [RHS]linearB /= trmxK /Khat linearB /= rowK; congr (_ - _).
apply: trmx_inj; rewrite trmxK tr_row trmx_mul trmxK colE -mulmxA -colE trW_mul.
by apply: eq_bigl => r; rewrite ltn_ord.
Qed.

Theorem carry_product a n : carry (W a n) (b a n) = prodH a (a + n).
Proof. by rewrite (ut_transform s) /carry /U mulmxA. Qed.

End Correct.

(** ** Backward: the chain rule *)

Section ChainRule.
Variables (R : comRingType) (D : {additive R -> R}).
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' P" := (map_mx D P) (at level 8, P at level 2).
Variables (d g n : nat) (Q : 'I_g -> 'M[R]_(n, d)) (K W : 'M[R]_(n, d)) (b : 'rV[R]_n).
Variables (G : 'I_g -> 'M[R]_n) (dQtilde : 'I_g -> 'M[R]_(n, d)) (dKhat : 'M[R]_(n, d)) (dcarry : 'M[R]_d).
Local Notation X h := (X (Q h) W).
Local Notation Z := (Z K W b).
Local Notation U := (U W b).
Local Notation dX h := (dX K W b G dQtilde h).

(** One query head: from A and Q~ to Q, K, W, Z and U. *)
Lemma queries_backward h :
  ip (G h) ('D (A (Q h) K W b)) + ip (dQtilde h) ('D (Qtilde (Q h) W b)) =
  ip (tril (G h) *m K + dX h *m W + dQtilde h) ('D (Q h)) + ip ((tril (G h))^T *m Q h) ('D K) +
  ip ((dX h)^T *m Q h) ('D W) + ip (- ((X h)^T *m G h)) ('D Z) + ip (- ((X h)^T *m dQtilde h)) ('D U).
Proof.
have -> : ip (dQtilde h) ('D (Qtilde (Q h) W b)) = ip (dQtilde h) ('D (Q h)) +
    (ip (- tril (dQtilde h *m U^T)) ('D (Q h *m W^T)) + ip (- ((X h)^T *m dQtilde h)) ('D U)).
  rewrite map_mxB (D_mul Leibniz _ U) D_tril opprD !ipDr !ipNr; congr (_ + (_ + _)).
    by rewrite ip_mull ip_tril ipNl.
  by rewrite ip_mulr ipNl.
rewrite (logits_backward Leibniz) !ipDl; apply: collect_queries.
by rewrite -ipDl -/(dX h) (ip_D_mul Leibniz).
Qed.

Theorem backward_correct (x := backward Q K W b G dQtilde dKhat dcarry) :
  \sum_h (ip (G h) ('D (A (Q h) K W b)) + ip (dQtilde h) ('D (Qtilde (Q h) W b))) +
    (ip dKhat ('D (Khat K W b)) + ip dcarry ('D (carry W b))) =
  \sum_h ip (dQ x h) ('D (Q h)) + ip (dK x) ('D K) + ip (dW x) ('D W) + ip (dbeta x) ('D b).
Proof.
under eq_bigr => h do rewrite queries_backward.
have -> : ip dKhat ('D (Khat K W b)) =
    ip dKhat ('D K) + (ip (- (W *m dKhat^T)) ('D Z) + ip (- (Z *m dKhat)) ('D W)).
  rewrite map_mxB (D_mul Leibniz _ W) opprD !ipDr !ipNr; congr (_ + (_ + _)).
    by rewrite ip_mull -map_trmx ip_tr trmx_mul trmxK ipNl.
  by rewrite ip_mulr trmxK ipNl.
have -> : ip dcarry ('D (carry W b)) = ip (- (U *m dcarry^T)) ('D W) + ip (- (W *m dcarry)) ('D U).
  rewrite map_mxB (D_1 Leibniz) sub0r (D_mul Leibniz) opprD !ipDr !ipNr; congr (_ + _).
    by rewrite ip_mull -map_trmx ip_tr trmx_mul trmxK ipNl.
  by rewrite ip_mulr trmxK ipNl.
rewrite !big_split /= -!addrA; congr (_ + _).
rewrite -!ip_suml !sumrN /x /= !ipDl !addrA.
have eqE := gram_backward W b Leibniz (E Q K W b G dQtilde dKhat dcarry); rewrite ipDl [in RHS]ipDl in eqE.
have eqZ := solve_backward Leibniz K W b (dZ Q W G dKhat); rewrite {1}/dZ ipDl in eqZ.
have eqU : ip (dU Q W dQtilde dcarry) ('D U) = _ := transform_backward W b Leibniz W (dU Q W dQtilde dcarry).
rewrite {1}/dU ipDl in eqU.
collect_by collect_keys eqZ eqU eqE.
Qed.

End ChainRule.

(** ** The same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (f : {rmorphism S -> R}) (d g n : nat).
Variables (Qs : 'I_g -> 'M[S]_(n, d)) (Qr : 'I_g -> 'M[R]_(n, d)) (K W : 'M[S]_(n, d)) (b : 'rV[S]_n).
Local Notation "''f' v" := (map_mx f v) (at level 8, v at level 2).
Hypothesis eqQ : forall h, 'f (Qs h) = Qr h.

Lemma map_Qtilde h : 'f (Qtilde (Qs h) W b) = Qtilde (Qr h) ('f W) ('f b).
Proof. exact: mapB (eqQ h) (mapM (map_X W eqQ h) (map_U f W b)). Qed.
Lemma map_Khat : 'f (Khat K W b) = Khat ('f K) ('f W) ('f b).
Proof. by rewrite /Khat map_mxB map_mxM map_tr map_Z. Qed.
Lemma map_carry : 'f (carry W b) = carry ('f W) ('f b).
Proof. by rewrite /carry map_mxB map_mx1 map_mxM map_tr map_U. Qed.

Variables (Gs : 'I_g -> 'M[S]_n) (Gr : 'I_g -> 'M[R]_n) (dQs : 'I_g -> 'M[S]_(n, d)) (dQr : 'I_g -> 'M[R]_(n, d)).
Variables (dKs : 'M[S]_(n, d)) (dKr : 'M[R]_(n, d)) (dRs : 'M[S]_d) (dRr : 'M[R]_d).
Hypotheses (eqG : forall h, 'f (Gs h) = Gr h) (eqdQ : forall h, 'f (dQs h) = dQr h).
Hypotheses (eqdK : 'f dKs = dKr) (eqdR : 'f dRs = dRr).

Let WT := mapT (erefl ('f W)).
Let diagb := map_diag f b.

Lemma map_dX h : 'f (dX K W b Gs dQs h) = dX ('f K) ('f W) ('f b) Gr dQr h.
Proof.
exact: mapB (mapN (mapL (mapM (eqG h) (mapT (map_Z f K W b))))) (mapL (mapM (eqdQ h) (mapT (map_U f W b)))).
Qed.
Lemma map_dZ : 'f (dZ Qs W Gs dKs) = dZ Qr ('f W) Gr dKr.
Proof. exact: mapB (mapN (mapS _ _ (fun h => mapM (mapT (map_X W eqQ h)) (eqG h)))) (mapM erefl (mapT eqdK)). Qed.
Lemma map_dU : 'f (dU Qs W dQs dRs) = dU Qr ('f W) dQr dRr.
Proof. exact: mapB (mapN (mapS _ _ (fun h => mapM (mapT (map_X W eqQ h)) (eqdQ h)))) (mapM erefl eqdR). Qed.
Lemma map_N_dZ : 'f (N W b (dZ Qs W Gs dKs)) = N ('f W) ('f b) (dZ Qr ('f W) Gr dKr).
Proof. by rewrite map_N map_dZ. Qed.
Lemma map_N_dU : 'f (N W b (dU Qs W dQs dRs)) = N ('f W) ('f b) (dU Qr ('f W) dQr dRr).
Proof. by rewrite map_N map_dU. Qed.
Lemma map_E : 'f (E Qs K W b Gs dQs dKs dRs) = E Qr ('f K) ('f W) ('f b) Gr dQr dKr dRr.
Proof.
exact: mapB (mapN (mapSL (mapM map_N_dZ (mapT (map_Z f K W b))))) (mapSL (mapM map_N_dU (mapT (map_U f W b)))).
Qed.
Lemma map_dY : 'f (dY Qs W b Gs dKs) = dY Qr ('f W) ('f b) Gr dKr.
Proof. exact: mapSL (mapM diagb map_N_dZ). Qed.
Lemma map_FE : 'f (F b (E Qs K W b Gs dQs dKs dRs)) = F ('f b) (E Qr ('f K) ('f W) ('f b) Gr dQr dKr dRr).
Proof. by rewrite map_F map_E. Qed.

Lemma map_backward : same (map_gradient f (backward Qs K W b Gs dQs dKs dRs)) (backward Qr ('f K) ('f W) ('f b) Gr dQr dKr dRr).
Proof.
split=> [h|||].
- exact: mapD (mapD (mapM (mapL (eqG h)) erefl) (mapM (map_dX h) erefl)) (eqdQ h).
- exact: mapD (mapD (mapS _ _ (fun h => mapM (mapT (mapL (eqG h))) (eqQ h))) (mapM (mapT map_dY) erefl)) eqdK.
- apply: mapB (mapB (mapD (mapD (mapD _ _) _) (mapD _ _)) _) _.
  + exact: mapS _ _ (fun h => mapM (mapT (map_dX h)) (eqQ h)).
  + exact: mapM map_dY erefl.
  + exact: mapM diagb map_N_dU.
  + exact: mapM map_FE erefl.
  + exact: mapM (mapT map_FE) erefl.
  + exact: mapM (map_Z f K W b) eqdK.
  + exact: mapM (map_U f W b) (mapT eqdR).
- exact: mapD (mapD (mapR map_N_dZ (map_Y f K W)) (mapR map_N_dU erefl)) (mapR map_E (mapM erefl WT)).
Qed.

End Map.

End Block.
