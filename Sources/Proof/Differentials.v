(** * Differentiation, without analysis

    A differential is any map D of a ring to itself with D(a + b) = D a + D b and D(a b) = D a b + a D b.  The one that the
    theorems are about is the derivative of polynomials in one variable: inputs are moved along a line, x + 'X x', and
    everything that the forms compute becomes a polynomial in 'X.  Its derivative at 0 is the derivative in that direction. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(** ** Rules of differentiation for matrices *)

Section Rules.
Variables (R : comRingType) (D : {additive R -> R}).
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' P" := (map_mx D P) (at level 8, P at level 2).

Lemma D_mul m p r (P : 'M[R]_(m, p)) (S : 'M[R]_(p, r)) : 'D (P *m S) = 'D P *m S + P *m 'D S.
Proof.
apply/matrixP => i j; rewrite !mxE raddf_sum -big_split; apply: eq_bigr => x _.
by rewrite !mxE Leibniz.
Qed.

Lemma D_tril n (P : 'M[R]_n) : 'D (tril P) = tril ('D P).
Proof. by apply/matrixP => i j; rewrite !mxE; case: ifP; rewrite ?raddf0. Qed.
Lemma D_stril n (P : 'M[R]_n) : 'D (stril P) = stril ('D P).
Proof. by apply/matrixP => i j; rewrite !mxE; case: ifP; rewrite ?raddf0. Qed.
Lemma D_diag n (v : 'rV[R]_n) : 'D (diag_mx v) = diag_mx ('D v).
Proof. by apply/matrixP => i j; rewrite !mxE; case: eqP => _; rewrite ?mulr1n ?mulr0n ?raddf0. Qed.
Lemma D_one : D 1 = 0.
Proof. by apply: (addrI (D 1)); rewrite addr0 -{3}[1](mulr1 1) Leibniz mulr1 mul1r. Qed.
Lemma D_1 n : 'D (1%:M : 'M[R]_n) = 0.
Proof. by apply/matrixP => i j; rewrite !mxE; case: eqP => _; rewrite ?mulr1n ?mulr0n ?raddf0 ?D_one. Qed.
Lemma D_0 m n : 'D (0 : 'M[R]_(m, n)) = 0.
Proof. exact: raddf0. Qed.
Lemma D_scale m n c (P : 'M[R]_(m, n)) : 'D (c *: P) = D c *: P + c *: 'D P.
Proof. by apply/matrixP => i j; rewrite !mxE Leibniz. Qed.
Lemma D_dot d (v z : 'rV[R]_d) : D (dot v z) = dot ('D v) z + dot v ('D z).
Proof. by rewrite /dot !mxE raddf_sum -big_split; apply: eq_bigr => i _; rewrite !mxE Leibniz. Qed.
Lemma D_rows d n (x : nat -> 'rV[R]_d) a : 'D (rows x a n) = rows (fun t => 'D (x t)) a n.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.
Lemma D_numbers n (x : nat -> R) a : 'D (numbers x a n) = numbers (fun t => D (x t)) a n.
Proof. by apply/rowP => i; rewrite !mxE. Qed.

(** The differential of S V^T against P. *)
Lemma ip_D_mul m n p (P : 'M[R]_(m, n)) (S : 'M[R]_(m, p)) (V : 'M[R]_(n, p)) :
  ip P ('D (S *m V^T)) = ip (P *m V) ('D S) + ip (P^T *m S) ('D V).
Proof. by rewrite D_mul ipDr ip_mull trmxK ip_mulr -map_trmx ip_tr trmx_mul trmxK. Qed.

End Rules.

(** ** The derivative along a line *)

Section Line.
Variable R : comRingType.

(** x + 'X x', for numbers and for rows *)
Definition line (x x' : R) : {poly R} := x%:P + x'%:P * 'X.
Definition line_row d (x x' : 'rV[R]_d) : 'rV[{poly R}]_d := \row_i line (x 0 i) (x' 0 i).

(** The derivative of a polynomial at 0. *)
Definition slope (p : {poly R}) : R := p^`().[0].

Definition at0 (p : {poly R}) : R := p.[0].
Lemma at0_rmorphism : rmorphism at0.
Proof.
rewrite /at0; split; first by move=> p r; rewrite hornerD hornerN.
by split=> [p r|]; rewrite ?hornerM ?hornerC.
Qed.
Canonical at0_additive := Additive at0_rmorphism.
Canonical at0_morphism := RMorphism at0_rmorphism.

Lemma at0_line x x' : at0 (line x x') = x.
Proof. by rewrite /at0 /line hornerD hornerC hornerMX mulr0 addr0. Qed.
Lemma at0_line_row d (x x' : 'rV[R]_d) : map_mx at0 (line_row x x') = x.
Proof. by apply/rowP => i; rewrite !mxE at0_line. Qed.
Lemma slope_line x x' : slope (line x x') = x'.
Proof. by rewrite /slope /line derivD derivC add0r derivM derivC mul0r add0r derivX mulr1 hornerC. Qed.
Lemma slope_line_row d (x x' : 'rV[R]_d) : map_mx at0 (map_mx (deriv (R:=R)) (line_row x x')) = x'.
Proof. by apply/rowP => i; rewrite !mxE -[RHS](slope_line (x 0 i)). Qed.
Lemma slopeE p : at0 (p^`()) = slope p.
Proof. by []. Qed.

End Line.
