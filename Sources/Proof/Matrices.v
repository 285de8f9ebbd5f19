(** * Triangles, row sums, the inner product of matrices, and products of many matrices

    Over any commutative ring.  'M[R]_(m, n) are the m x n matrices over R, 'rV[R]_n the rows of length n, *m is their product,
    ^T the transpose, %:M a multiple of the identity.  Indices start at 0. *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(** ** Definitions *)

Section Definitions.
Variable R : comRingType.

(** Lower triangle with the diagonal, and without it. *)
Definition tril n (A : 'M[R]_n) : 'M[R]_n := \matrix_(i, j) if (j <= i)%N then A i j else 0.
Definition stril n (A : 'M[R]_n) : 'M[R]_n := \matrix_(i, j) if (j < i)%N then A i j else 0.

(** The sums of the rows of P o X, the product entry by entry. *)
Definition rowsum m n (P X : 'M[R]_(m, n)) : 'rV[R]_m := \row_i \sum_j P i j * X i j.

(** <P, X> = sum_ij P_ij X_ij *)
Definition ip m n (P X : 'M[R]_(m, n)) : R := \sum_i \sum_j P i j * X i j.

(** x . y for rows *)
Definition dot d (x y : 'rV[R]_d) : R := (x *m y^T) 0 0.

(** The n x d matrix with the rows x_a, ..., x_{a+n-1}, and the row of n numbers beta_a, ..., beta_{a+n-1}. *)
Definition rows d (x : nat -> 'rV[R]_d) a n : 'M[R]_(n, d) := \matrix_(i < n) x (a + i)%N.
Definition numbers (beta : nat -> R) a n : 'rV[R]_n := \row_(i < n) beta (a + i)%N.

(** P_ij for any two numbers: 0 outside of the matrix. *)
Definition entry m n (P : 'M[R]_(m, n)) i j : R := if (insub i, insub j) is (Some i', Some j') then P i' j' else 0.

(** F_{hi-1} F_{hi-2} ... F_lo; the identity when hi <= lo. *)
Fixpoint descending d (F : nat -> 'M[R]_d) lo hi : 'M[R]_d :=
  if hi is t.+1 then if (lo <= t)%N then F t *m descending F lo t else 1%:M else 1%:M.


(** The m' x n' entries of P from (i, j) on. *)
Definition cut m n (P : 'M[R]_(m, n)) i m' j n' : 'M[R]_(m', n') := \matrix_(x, y) entry P (i + x) (j + y).

End Definitions.

Lemma entryE (R : comRingType) m n (P : 'M[R]_(m, n)) (i : 'I_m) (j : 'I_n) : entry P i j = P i j.
Proof. by rewrite /entry !valK. Qed.

(** ** The inner product *)

Section InnerProduct.
Variable R : comRingType.

Lemma ipE m n (P X : 'M[R]_(m, n)) : ip P X = \tr (P *m X^T).
Proof. by apply: eq_bigr => i _; rewrite mxE; apply: eq_bigr => j _; rewrite mxE. Qed.

Lemma ipDl m n (P P' X : 'M[R]_(m, n)) : ip (P + P') X = ip P X + ip P' X.
Proof. by rewrite !ipE mulmxDl raddfD. Qed.
Lemma ipNl m n (P X : 'M[R]_(m, n)) : ip (- P) X = - ip P X.
Proof. by rewrite !ipE mulNmx raddfN. Qed.
Lemma ipDr m n (P X X' : 'M[R]_(m, n)) : ip P (X + X') = ip P X + ip P X'.
Proof. by rewrite !ipE linearD mulmxDr raddfD. Qed.
Lemma ipNr m n (P X : 'M[R]_(m, n)) : ip P (- X) = - ip P X.
Proof. by rewrite !ipE linearN mulmxN raddfN. Qed.
Lemma ip0l m n (X : 'M[R]_(m, n)) : ip 0 X = 0.
Proof. by rewrite ipE mul0mx raddf0. Qed.
Lemma ip0r m n (P : 'M[R]_(m, n)) : ip P 0 = 0.
Proof. by rewrite ipE trmx0 mulmx0 raddf0. Qed.
Lemma ip_suml m n (I : finType) (P : I -> 'M[R]_(m, n)) X : ip (\sum_i P i) X = \sum_i ip (P i) X.
Proof. by rewrite ipE mulmx_suml raddf_sum; apply: eq_bigr => i _; rewrite ipE. Qed.
Lemma ip_delta m n (P : 'M[R]_(m, n)) i j : ip P (delta_mx i j) = P i j.
Proof.
rewrite /ip (bigD1 i) //= (bigD1 j) //= mxE !eqxx mulr1 big1 => [|j' ne]; last by rewrite mxE (negPf ne) andbF mulr0.
by rewrite big1 ?addr0 // => i' ne; rewrite big1 // => j' _; rewrite mxE (negPf ne) mulr0.
Qed.

(** A matrix is known by its inner products with all others. *)
Lemma ip_inj m n (P P' : 'M[R]_(m, n)) : (forall X, ip P X = ip P' X) -> P = P'.
Proof. by move=> eqP; apply/matrixP => i j; rewrite -!ip_delta. Qed.

(** <P, A B> = <A^T P, B> = <P B^T, A> *)
Lemma ip_mulr m n p (P : 'M[R]_(m, p)) (A : 'M[R]_(m, n)) B : ip P (A *m B) = ip (A^T *m P) B.
Proof. by rewrite !ipE trmx_mul mulmxA mxtrace_mulC mulmxA. Qed.
Lemma ip_mull m n p (P : 'M[R]_(m, p)) (A : 'M[R]_(m, n)) B : ip P (A *m B) = ip (P *m B^T) A.
Proof. by rewrite !ipE trmx_mul mulmxA. Qed.
Lemma ip_tr m n (P : 'M[R]_(m, n)) X : ip P X^T = ip P^T X.
Proof. by rewrite !ipE trmxK mxtrace_mulC -mxtrace_tr trmx_mul. Qed.

Lemma ip_tril n (P X : 'M[R]_n) : ip P (tril X) = ip (tril P) X.
Proof. by do 2!apply: eq_bigr => ? _; rewrite !mxE; case: ifP; rewrite ?mulr0 ?mul0r. Qed.
Lemma ip_stril n (P X : 'M[R]_n) : ip P (stril X) = ip (stril P) X.
Proof. by do 2!apply: eq_bigr => ? _; rewrite !mxE; case: ifP; rewrite ?mulr0 ?mul0r. Qed.

(** <P, diag(b) X> is the inner product of b with the row sums of P o X. *)
Lemma ip_diag m n (P X : 'M[R]_(m, n)) b : ip P (diag_mx b *m X) = ip (rowsum P X) b.
Proof.
rewrite /ip big_ord1; apply: eq_bigr => i _; rewrite mxE mulr_suml; apply: eq_bigr => j _.
by rewrite mul_diag_mx mxE mulrCA mulrC.
Qed.

(** Of matrices put together from blocks. *)
Lemma ip_col m n d (P : 'M[R]_(m + n, d)) U L : ip P (col_mx U L) = ip (usubmx P) U + ip (dsubmx P) L.
Proof.
rewrite /ip big_split_ord; congr (_ + _); do 2!apply: eq_bigr => ? _; by rewrite ?col_mxEu ?col_mxEd mxE.
Qed.
Lemma ip_row m n d (P : 'M[R]_(d, m + n)) U L : ip P (row_mx U L) = ip (lsubmx P) U + ip (rsubmx P) L.
Proof. by rewrite -[ip P _](congr1 _ (trmxK _)) ip_tr tr_row_mx ip_col -!trmx_lsub -!trmx_rsub -!ip_tr !trmxK. Qed.
Lemma ip_block m n (P : 'M[R]_(m + n)) UL UR DL DR : ip P (block_mx UL UR DL DR) =
  ip (ulsubmx P) UL + ip (ursubmx P) UR + (ip (dlsubmx P) DL + ip (drsubmx P) DR).
Proof. by rewrite /block_mx ip_col !ip_row. Qed.

Lemma ip_rows d n (x : nat -> 'rV[R]_d) a (P : 'M[R]_(n, d)) : ip P (rows x a n) = \sum_(t < n) dot (row t P) (x (a + t)%N).
Proof. by apply: eq_bigr => t _; rewrite /dot mxE; apply: eq_bigr => i _; rewrite !mxE. Qed.
Lemma ip_numbers n (x : nat -> R) a (P : 'rV[R]_n) : ip P (numbers x a n) = \sum_(t < n) P 0 t * x (a + t)%N.
Proof. by rewrite /ip big_ord1; apply: eq_bigr => t _; rewrite mxE. Qed.

End InnerProduct.

(** Closes a goal, given other equations, by a lemma about numbers.  Inner products become names first: were they seen through,
    Coq would search for long where they do not fit. *)
Ltac name_products := repeat match goal with |- context [ip ?P ?X] => move: (ip P X) => ? end.
Tactic Notation "collect_by" constr(lemma) := name_products; exact: lemma.
Tactic Notation "collect_by" constr(lemma) hyp(e1) hyp(e2) hyp(e3) :=
  move: e1 e2 e3; name_products; move=> e1 e2 e3; exact: lemma e1 e2 e3.

Section Dot.
Variables (R : comRingType) (d : nat).
Implicit Types (x y z : 'rV[R]_d) (c : R).

Lemma dotC x y : dot x y = dot y x.
Proof. by rewrite /dot !mxE; apply: eq_bigr => i _; rewrite !mxE mulrC. Qed.
Lemma dotDl x y z : dot (x + y) z = dot x z + dot y z.
Proof. by rewrite /dot mulmxDl mxE. Qed.
Lemma dotNl x z : dot (- x) z = - dot x z.
Proof. by rewrite /dot mulNmx mxE. Qed.
Lemma dotZl c x z : dot (c *: x) z = c * dot x z.
Proof. by rewrite /dot -scalemxAl mxE. Qed.
Lemma dotDr x y z : dot z (x + y) = dot z x + dot z y.
Proof. by rewrite dotC dotDl ![dot _ z]dotC. Qed.
Lemma dotNr x z : dot z (- x) = - dot z x.
Proof. by rewrite dotC dotNl [dot _ z]dotC. Qed.
Lemma dotZr c x z : dot z (c *: x) = c * dot z x.
Proof. by rewrite dotC dotZl [dot _ z]dotC. Qed.
Lemma dot0r x : dot x 0 = 0.
Proof. by rewrite /dot trmx0 mulmx0 mxE. Qed.
Lemma dot_sumr (I : Type) (r : seq I) (P : pred I) x (F : I -> 'rV[R]_d) :
  dot x (\sum_(i <- r | P i) F i) = \sum_(i <- r | P i) dot x (F i).
Proof. by rewrite /dot linear_sum mulmx_sumr summxE. Qed.
Lemma mul_rank1 p x y (z : 'rV[R]_p) : x *m y^T *m z = dot x y *: z.
Proof. by rewrite {1}[x *m y^T]mx11_scalar mul_scalar_mx. Qed.

End Dot.

(** ** Descending products *)

Section Descending.
Variables (R : comRingType) (d : nat) (F : nat -> 'M[R]_d).

Lemma descending_nil lo hi : (hi <= lo)%N -> descending F lo hi = 1%:M.
Proof. by case: hi => //= t lt_t; rewrite leqNgt lt_t. Qed.

Lemma descendingS lo t : (lo <= t)%N -> descending F lo t.+1 = F t *m descending F lo t.
Proof. by move=> /= ->. Qed.

(** The product over two adjacent ranges is the right one times the left one. *)
Lemma descending_cat lo mid hi : (lo <= mid)%N -> (mid <= hi)%N ->
  descending F lo hi = descending F mid hi *m descending F lo mid.
Proof.
move=> le_lm; elim: hi => [|t IHt] le_mt.
  by move: le_mt; rewrite leqn0 => /eqP->; rewrite [X in X *m _]descending_nil // mul1mx.
case: (ltngtP mid t.+1) le_mt => // [lt_mt|->] _; last by rewrite [X in X *m _]descending_nil // mul1mx.
by rewrite !descendingS ?(leq_trans le_lm) // IHt // mulmxA.
Qed.

(** Its first factor on the right. *)
Lemma descending_last lo hi : (lo < hi)%N -> descending F lo hi = descending F lo.+1 hi *m F lo.
Proof.
move=> lt_lh; rewrite (descending_cat (leqnSn lo) lt_lh) (descendingS (leqnn lo)).
by rewrite (descending_nil (leqnn lo)) mulmx1.
Qed.

End Descending.

(** ** Everything above is the same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (f : {rmorphism S -> R}).

Lemma map_tril n (A : 'M[S]_n) : map_mx f (tril A) = tril (map_mx f A).
Proof. by apply/matrixP => i j; rewrite !mxE; case: ifP; rewrite ?rmorph0. Qed.
Lemma map_stril n (A : 'M[S]_n) : map_mx f (stril A) = stril (map_mx f A).
Proof. by apply/matrixP => i j; rewrite !mxE; case: ifP; rewrite ?rmorph0. Qed.
Lemma map_entry m n (P : 'M[S]_(m, n)) (P' : 'M[R]_(m, n)) i j : map_mx f P = P' -> f (entry P i j) = entry P' i j.
Proof.
move=> <-; have of_options (oi : option 'I_m) (oj : option 'I_n) :
    f (if (oi, oj) is (Some i', Some j') then P i' j' else 0) = if (oi, oj) is (Some i', Some j') then (map_mx f P) i' j' else 0.
  by case: oi oj => [i'|] [j'|]; rewrite ?rmorph0 ?mxE.
exact: of_options.
Qed.
Lemma map_cut m n (P : 'M[S]_(m, n)) (P' : 'M[R]_(m, n)) i m' j n' :
  map_mx f P = P' -> map_mx f (cut P i m' j n') = cut P' i m' j n'.
Proof. by move=> eqP; apply/matrixP => x y; rewrite !mxE (map_entry _ _ eqP). Qed.
Lemma map_rowsum m n (P X : 'M[S]_(m, n)) : map_mx f (rowsum P X) = rowsum (map_mx f P) (map_mx f X).
Proof. by apply/rowP => i; rewrite !mxE rmorph_sum; apply: eq_bigr => j _; rewrite !mxE rmorphM. Qed.
Lemma map_ip m n (P X : 'M[S]_(m, n)) : f (ip P X) = ip (map_mx f P) (map_mx f X).
Proof. by rewrite rmorph_sum; apply: eq_bigr => i _; rewrite rmorph_sum; apply: eq_bigr => j _; rewrite !mxE rmorphM. Qed.
Lemma map_dot d (x y : 'rV[S]_d) : f (dot x y) = dot (map_mx f x) (map_mx f y).
Proof. by rewrite /dot !mxE rmorph_sum; apply: eq_bigr => i _; rewrite !mxE rmorphM. Qed.
Lemma map_rows d (x : nat -> 'rV[S]_d) a n : map_mx f (rows x a n) = rows (fun t => map_mx f (x t)) a n.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.
Lemma map_numbers (x : nat -> S) a n : map_mx f (numbers x a n) = numbers (fun t => f (x t)) a n.
Proof. by apply/rowP => i; rewrite !mxE. Qed.
Lemma map_sum m n (I : finType) (P : I -> 'M[S]_(m, n)) : map_mx f (\sum_i P i) = \sum_i map_mx f (P i).
Proof. exact: raddf_sum. Qed.
Lemma map_tr m n (A : 'M[S]_(m, n)) : map_mx f A^T = (map_mx f A)^T.
Proof. by rewrite map_trmx. Qed.
Lemma map_diag n (b : 'rV[S]_n) : map_mx f (diag_mx b) = diag_mx (map_mx f b).
Proof. exact: map_diag_mx. Qed.
Lemma map_descending d (F : nat -> 'M[S]_d) lo hi :
  map_mx f (descending F lo hi) = descending (fun t => map_mx f (F t)) lo hi.
Proof. by elim: hi => [|t IHt] /=; rewrite ?map_mx1 //; case: ifP => _; rewrite ?map_mx1 // map_mxM IHt. Qed.

(** The same, for sums and products of which the parts are known. *)
Lemma mapD m n (A B : 'M[S]_(m, n)) A' B' : map_mx f A = A' -> map_mx f B = B' -> map_mx f (A + B) = A' + B'.
Proof. by move=> <- <-; rewrite map_mxD. Qed.
Lemma mapB m n (A B : 'M[S]_(m, n)) A' B' : map_mx f A = A' -> map_mx f B = B' -> map_mx f (A - B) = A' - B'.
Proof. by move=> <- <-; rewrite map_mxB. Qed.
Lemma mapN m n (A : 'M[S]_(m, n)) A' : map_mx f A = A' -> map_mx f (- A) = - A'.
Proof. by move=> <-; rewrite map_mxN. Qed.
Lemma mapM m n p (A : 'M[S]_(m, n)) (B : 'M[S]_(n, p)) A' B' :
  map_mx f A = A' -> map_mx f B = B' -> map_mx f (A *m B) = A' *m B'.
Proof. by move=> <- <-; rewrite map_mxM. Qed.
Lemma mapT m n (A : 'M[S]_(m, n)) A' : map_mx f A = A' -> map_mx f A^T = A'^T.
Proof. by move=> <-; rewrite map_tr. Qed.
Lemma mapL n (A : 'M[S]_n) A' : map_mx f A = A' -> map_mx f (tril A) = tril A'.
Proof. by move=> <-; rewrite map_tril. Qed.
Lemma mapSL n (A : 'M[S]_n) A' : map_mx f A = A' -> map_mx f (stril A) = stril A'.
Proof. by move=> <-; rewrite map_stril. Qed.
Lemma mapR m n (P X : 'M[S]_(m, n)) P' X' : map_mx f P = P' -> map_mx f X = X' -> map_mx f (rowsum P X) = rowsum P' X'.
Proof. by move=> <- <-; rewrite map_rowsum. Qed.
Lemma mapS m n (I : Type) (r : seq I) (P : pred I) (A : I -> 'M[S]_(m, n)) A' :
  (forall i, map_mx f (A i) = A' i) -> map_mx f (\sum_(i <- r | P i) A i) = \sum_(i <- r | P i) A' i.
Proof. by move=> eqA; rewrite raddf_sum; apply: eq_bigr => i _; apply: eqA. Qed.

End Map.

Definition mapE := (map_mxM, map_mxD, map_mxB, map_mxN, map_tr, map_mx1, map_tril, map_stril, map_diag, map_mx_adj,
  map_rowsum, map_sum).
