(** * The UT transform: a product of reflections by forward substitution *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Logits.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module UTTransform.

(** ** Definitions *)

Section Definitions.
Variables (R : comRingType) (d n : nat) (W : 'M[R]_(n, d)) (b : 'rV[R]_n).

(** M = 1 + stril(diag(b) W W^T) *)
Definition M : 'M[R]_n := 1%:M + stril (diag_mx b *m (W *m W^T)).

(** M^-1: since det M = 1, the inverse of M is its adjugate, in any commutative ring.  (Programs solve with M instead.) *)
Definition Minv : 'M[R]_n := \adj M.

(** T = M^-1 diag(b) *)
Definition T : 'M[R]_n := Minv *m diag_mx b.

(** U = T W *)
Definition U : 'M[R]_(n, d) := T *m W.

Lemma detM : \det M = 1.
Proof.
rewrite det_trig; last first.
  by apply/is_trig_mxP => i j lt_ij; rewrite !mxE ltnNge (ltnW lt_ij) -val_eqE ltn_eqF //= addr0.
by rewrite big1 // => i _; rewrite !mxE eqxx ltnn addr0.
Qed.

Lemma M_Minv : M *m Minv = 1%:M.
Proof. by rewrite mul_mx_adj detM. Qed.
Lemma Minv_M : Minv *m M = 1%:M.
Proof. by rewrite mul_adj_mx detM. Qed.

Lemma MT : M *m T = diag_mx b.
Proof. by rewrite mulmxA M_Minv mul1mx. Qed.

Lemma MT_mul p (Y : 'M[R]_(n, p)) : M *m (T *m Y) = diag_mx b *m Y.
Proof. by rewrite [LHS]mulmxA MT. Qed.

(** T is the only solution of M T = diag(b): whoever solves has T. *)
Theorem T_unique (T' : 'M[R]_n) : M *m T' = diag_mx b -> T' = T.
Proof. by rewrite /T => <-; rewrite mulmxA Minv_M mul1mx. Qed.

End Definitions.

(** ** Forward substitution is the product *)

Section Product.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Local Notation w := (w s).
Local Notation beta := (beta s).
Local Notation H := (H s).
Local Notation prodH := (prodH s).
Local Notation W := (W s).
Local Notation b := (b s).

(** If row t of Z is beta_t w_t (V - sum_{lo <= r < t} w_r^T z_r), then
    H_{m-1} ... H_lo V = V - sum_{lo <= r < m} w_r^T z_r.  (Positions count from a.) *)
Lemma prodH_sum a n p (V : 'M[R]_(d, p)) (Z : 'M[R]_(n, p)) lo m :
    (forall t : 'I_n, (lo <= t)%N -> row t Z =
       beta (a + t) *: (w (a + t) *m (V - \sum_(r < n | (lo <= r < t)%N) (w (a + r))^T *m row r Z))) ->
    (lo <= m <= n)%N ->
  prodH (a + lo) (a + m) *m V = V - \sum_(r < n | (lo <= r < m)%N) (w (a + r))^T *m row r Z.
Proof.
rewrite /Logits.prodH => Zrow; elim: m => [|m IHm] /andP[le_lm le_mn].
  rewrite big_pred0 => [|r]; last by rewrite ltn0 andbF.
  by rewrite descending_nil ?mul1mx ?subr0 // leq_add2l.
case: (ltngtP lo m.+1) le_lm => // [lt_lm|->] _; last first.
  rewrite big_pred0 => [|r]; last by rewrite ltnS ltnNge andNb.
  by rewrite descending_nil // mul1mx subr0.
rewrite addnS descendingS ?leq_add2l // -mulmxA IHm ?(ltnW le_mn) ?andbT //.
rewrite [in RHS](bigD1 (Ordinal le_mn)) /= ?ltnSn ?andbT //.
rewrite [in RHS](eq_bigl (fun r : 'I_n => (lo <= r < m)%N)); last first.
  by move=> r; rewrite -andbA; congr andb; rewrite [RHS]ltn_neqAle andbC -ltnS -val_eqE.
rewrite (Zrow (Ordinal le_mn)) //= /Logits.H mulmxBl mul1mx -scalemxAl -scalemxAr -mulmxA.
by rewrite opprD addrA addrAC.
Qed.

Lemma diag_mulE n p (c : 'rV[R]_n) (Y : 'M[R]_(n, p)) (t : 'I_n) j : (diag_mx c *m Y) t j = c 0 t * Y t j.
Proof. by rewrite mul_diag_mx !mxE. Qed.

Lemma gramE a n (t r : 'I_n) : (diag_mx (b a n) *m (W a n *m (W a n)^T)) t r = beta (a + t) * dot (w (a + t)%N) (w (a + r)%N).
Proof. by rewrite diag_mulE /dot !mxE; congr (_ * _); apply: eq_bigr => x _; rewrite !mxE. Qed.

(** Row t of M Z = diag(beta) Y, solved for z_t: forward substitution. *)
Lemma solve_row a n p (Z Y : 'M[R]_(n, p)) (t : 'I_n) : M (W a n) (b a n) *m Z = diag_mx (b a n) *m Y ->
  row t Z = beta (a + t) *: (row t Y - \sum_(r < n | (r < t)%N) w (a + t)%N *m (w (a + r)%N)^T *m row r Z).
Proof.
move=> eqMZ; have : row t (M (W a n) (b a n) *m Z) = beta (a + t) *: row t Y.
  by rewrite eqMZ; apply/rowP => j; rewrite mxE diag_mulE !mxE.
rewrite mulmxDl mul1mx linearD /= => /(canRL (addrK _))->; rewrite scalerBr; congr (_ - _).
rewrite row_mul mulmx_sum_row scaler_sumr [RHS]big_mkcond; apply: eq_bigr => r _.
by rewrite 2!mxE gramE mul_rank1; case: ifP => _; rewrite ?scalerA ?scale0r.
Qed.

(** T stril(Y) is strictly lower triangular. *)
Lemma T_stril a n (Y : 'M[R]_n) (r t : 'I_n) : (r <= t)%N -> (T (W a n) (b a n) *m stril Y) r t = 0.
Proof.
set Z := _ *m _; have eqMZ: M (W a n) (b a n) *m Z = diag_mx (b a n) *m stril Y by exact: MT_mul.
have [m] := ubnP r; elim: m r => // m IHm r /ltnSE-le_rm le_rt.
have /rowP/(_ t) := solve_row r eqMZ; rewrite [row _ _ _ _]mxE => ->.
rewrite mxE [X in _ * X]mxE [X in _ + X]mxE summxE big1 => [|r' lt_rr].
  by rewrite 2!mxE ltnNge le_rt subr0 mulr0.
by rewrite mul_rank1 mxE [X in _ * X]mxE IHm ?mulr0 ?(leq_trans lt_rr) // (leq_trans (ltnW lt_rr)).
Qed.

(** W^T Z = sum_r w_r^T z_r *)
Lemma trW_mul a n p (Z : 'M[R]_(n, p)) : (W a n)^T *m Z = \sum_(r < n) (w (a + r)%N)^T *m row r Z.
Proof.
apply/matrixP => i j; rewrite summxE !mxE; apply: eq_bigr => r _.
by rewrite !mxE big_ord1 !mxE.
Qed.

(** H_{a+m-1} ... H_a = 1 - sum_{r < m} w_r^T u_r *)
Lemma prodH_U a n m : (m <= n)%N ->
  prodH a (a + m) = 1%:M - \sum_(r < n | (r < m)%N) (w (a + r)%N)^T *m row r (U (W a n) (b a n)).
Proof.
move=> le_mn; have := @prodH_sum a n d 1%:M (U (W a n) (b a n)) 0 m; rewrite addn0 mulmx1 => -> //.
move=> t _; have -> := @solve_row a n d (U (W a n) (b a n)) (W a n) t; last exact: MT_mul.
rewrite rowK mulmxBr mulmx1 mulmx_sumr; congr (_ *: (_ - _)).
by apply: eq_bigr => r _; rewrite mulmxA.
Qed.

(** H_{a+n-1} ... H_a = 1 - W^T T W *)
Theorem ut_transform a n : prodH a (a + n) = 1%:M - (W a n)^T *m T (W a n) (b a n) *m W a n.
Proof.
rewrite (prodH_U a (leqnn n)) -mulmxA trW_mul; congr (_ - _).
by apply: eq_bigl => r; rewrite ltn_ord.
Qed.

End Product.

(** ** Backward *)

Section Backward.
Variables (R : comRingType) (d n : nat) (W : 'M[R]_(n, d)) (b : 'rV[R]_n).

(** Of Z = T Y, with the cotangent dZ of Z:  N = M^-T dZ;  dY = diag(b) N, and E collects -stril(N Z^T), the cotangent of M. *)
Definition N p (dZ : 'M[R]_(n, p)) : 'M[R]_(n, p) := (Minv W b)^T *m dZ.

(** Of E:  F = diag(b) E;  dW += F W + F^T W *)
Definition F (E : 'M[R]_n) : 'M[R]_n := diag_mx b *m E.

Lemma solve_N p (dZ : 'M[R]_(n, p)) : (M W b)^T *m N dZ = dZ.
Proof. by rewrite mulmxA -trmx_mul Minv_M trmx1 mul1mx. Qed.

Variable D : {additive R -> R}.
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' P" := (map_mx D P) (at level 8, P at level 2).

(** <dZ, DZ> = <diag(b) N, DY> + <rowsum(N o Y), Db> + <E, D(diag(b) W W^T)>,  E = -stril(N Z^T) *)
Lemma transform_backward p (Y dZ : 'M[R]_(n, p)) (Z := T W b *m Y) :
  ip dZ ('D Z) = ip (diag_mx b *m N dZ) ('D Y) + ip (rowsum (N dZ) Y) ('D b) +
    ip (- stril (N dZ *m Z^T)) ('D (diag_mx b *m (W *m W^T))).
Proof.
have solve : M W b *m Z = diag_mx b *m Y by exact: MT_mul.
rewrite -{1}(solve_N dZ) -ip_mulr.
have := congr1 (map_mx D) solve; rewrite !(D_mul Leibniz) => /(canRL (addKr _))->.
rewrite addrC map_mxD (D_1 Leibniz) add0r D_stril D_diag ipDr ipNr [ip _ (_ + _)]ipDr ip_diag.
rewrite [ip _ (diag_mx b *m _)]ip_mulr tr_diag_mx [ip _ (_ *m Z)]ip_mull ip_stril ipNl.
by rewrite [X in X - _]addrC !(D_mul Leibniz) D_diag.
Qed.

(** <E, D(diag(b) W W^T)> = <rowsum(E o W W^T), Db> + <F W + F^T W, DW> *)
Lemma gram_backward (E : 'M[R]_n) :
  ip E ('D (diag_mx b *m (W *m W^T))) = ip (rowsum E (W *m W^T)) ('D b) + ip (F E *m W + (F E)^T *m W) ('D W).
Proof. by rewrite (D_mul Leibniz) D_diag ipDr ip_diag ip_mulr tr_diag_mx (ip_D_mul Leibniz) ipDl. Qed.

End Backward.

(** ** The same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (f : {rmorphism S -> R}) (d n : nat) (W : 'M[S]_(n, d)) (b : 'rV[S]_n).
Local Notation "''f' v" := (map_mx f v) (at level 8, v at level 2).

Lemma map_Minv : 'f (Minv W b) = Minv ('f W) ('f b).
Proof. by rewrite /Minv /M !mapE. Qed.
Lemma map_T : 'f (T W b) = T ('f W) ('f b).
Proof. by rewrite /T map_mxM map_Minv map_diag. Qed.
Lemma map_U : 'f (U W b) = U ('f W) ('f b).
Proof. by rewrite /U map_mxM map_T. Qed.
Lemma map_N p (dZ : 'M[S]_(n, p)) : 'f (N W b dZ) = N ('f W) ('f b) ('f dZ).
Proof. by rewrite /N map_mxM map_tr map_Minv. Qed.
Lemma map_F E : 'f (F b E) = F ('f b) ('f E).
Proof. by rewrite /F map_mxM map_diag. Qed.

End Map.

End UTTransform.
