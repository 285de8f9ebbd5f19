(** * The softmax, tile by tile in any order

    Exponentials are formal: e takes logits to numbers of a field, e(a + b) = e(a) e(b), and no e(a) is zero. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Scalars.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module OnlineSoftmax.

Section Softmax.
Variables (V : zmodType) (F : fieldType) (d : nat) (e : V -> F).

(** ** Definitions *)

(** What a query sees: for each key its logit and its value. *)
Local Notation keys := (seq (V * 'rV[F]_d)).

(** o = sum_j P_j v_j,  P_j = e(S_j) / sum_j' e(S_j');  lse is the logarithm of that sum. *)
Definition sum_exp (xs : keys) : F := \sum_(x <- xs) e x.1.
Definition P xs (S : V) : F := e S / sum_exp xs.
Definition o xs : 'rV[F]_d := \sum_(x <- xs) P xs x.1 *: x.2.

(** Online: a pivot m, l = sum e(s - m) and the sum of e(s - m) v.  A tile comes with the new pivot, which may be anything. *)
Definition visit (state : V * F * 'rV[F]_d) (tile : V * keys) :=
  let: (m, l, sum) := state in let: (m', xs) := tile in
  (m', l * e (m - m') + \sum_(x <- xs) e (x.1 - m'), e (m - m') *: sum + \sum_(x <- xs) e (x.1 - m') *: x.2).
Definition online m0 tiles := foldl visit (m0, 0, 0) tiles.

(** ** The result does not depend on tiles, order and pivots *)

Hypothesis eD : forall a b, e (a + b) = e a * e b.
Hypothesis e_neq0 : forall a, e a != 0.

Lemma eB a b : e b * e (a - b) = e a.
Proof. by rewrite -eD addrC subrK. Qed.

Lemma oE xs : o xs = (sum_exp xs)^-1 *: \sum_(x <- xs) e x.1 *: x.2.
Proof. by rewrite scaler_sumr; apply: eq_bigr => x _; rewrite scalerA mulrC. Qed.

Lemma online_invariant tiles m0 : let: (m, l, sum) := online m0 tiles in let xs := flatten [seq t.2 | t <- tiles] in
  e m * l = sum_exp xs /\ e m *: sum = \sum_(x <- xs) e x.1 *: x.2.
Proof.
elim/last_ind: tiles => [|tiles [m' xs] IHt]; first by rewrite /= /sum_exp !big_nil mulr0 scaler0.
rewrite /online foldl_rcons map_rcons flatten_rcons -/(online m0 tiles); case: (online m0 tiles) IHt => -[m l] sum [eql eqsum].
rewrite /sum_exp !big_cat /= -eqsum -/(sum_exp _) -eql mulrDr scalerDr mulrCA eB [l * _]mulrC scalerA eB.
by split; congr (_ + _); rewrite ?mulr_sumr ?scaler_sumr; apply: eq_bigr => x _; rewrite ?scalerA eB.
Qed.

(** For any cut of what the query sees into tiles, in any order, with any pivots:  sum / l = o, and e(m) l = sum e(S). *)
Theorem online_correct tiles m0 xs : perm_eq (flatten [seq t.2 | t <- tiles]) xs ->
  let: (m, l, sum) := online m0 tiles in l^-1 *: sum = o xs /\ e m * l = sum_exp xs.
Proof.
move=> perm_xs; have := online_invariant tiles m0; case: (online m0 tiles) => -[m l] sum [].
rewrite /sum_exp !(perm_big _ perm_xs) /= -/(sum_exp xs) => eql eqsum; split=> //.
by rewrite oE -eqsum -eql invfM scalerA mulrAC mulVf // mul1r.
Qed.

(** m + log l = log sum e(S), for a logarithm that takes products to sums. *)
Corollary lse_correct (log : F -> V) tiles m0 xs : perm_eq (flatten [seq t.2 | t <- tiles]) xs ->
  (forall a, log (e a) = a) -> (forall a l, log (e a * l) = log (e a) + log l) ->
  let: (m, l, _) := online m0 tiles in m + log l = log (sum_exp xs).
Proof.
move=> perm_xs logK logM; have := online_correct m0 perm_xs; case: (online m0 tiles) => -[m l] sum [_ <-].
by rewrite logM logK.
Qed.

(** ** Backward *)

Variables (D : {additive F -> F}) (DV : V -> F).
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Hypothesis D_e : forall a, D (e a) = e a * DV a.
Local Notation "''D' v" := (map_mx D v) (at level 8, v at level 2).

(** dP_j = do . v_j,  delta = do . o,  dS_j = P_j (dP_j - delta + dlse),  dv_j = P_j do *)
Definition dS xs (do : 'rV[F]_d) dlse (x : V * 'rV[F]_d) : F := P xs x.1 * (dot do x.2 - dot do (o xs) + dlse).
Definition dv xs (do : 'rV[F]_d) (x : V * 'rV[F]_d) : 'rV[F]_d := P xs x.1 *: do.

(** The differential of the log-sum-exp is that of the sum over the sum. *)
Theorem backward_correct xs do dlse : sum_exp xs != 0 ->
  dot do ('D (o xs)) + dlse * (D (sum_exp xs) / sum_exp xs) =
  \sum_(x <- xs) dS xs do dlse x * DV x.1 + \sum_(x <- xs) dot (dv xs do x) ('D x.2).
Proof.
move=> l_neq0; set l := sum_exp xs in l_neq0 *.
have Dl : D l = \sum_(x <- xs) e x.1 * DV x.1 by rewrite raddf_sum; apply: eq_bigr => x _; rewrite /= D_e.
have lo : l *: o xs = \sum_(x <- xs) e x.1 *: x.2 by rewrite oE scalerA divff // scale1r.
have Dlo : l * dot do ('D (o xs)) =
    \sum_(x <- xs) e x.1 * (DV x.1 * dot do x.2 + dot do ('D x.2)) - D l * dot do (o xs).
  apply: (addrI (D l * dot do (o xs))); rewrite [RHS]addrC subrK -!dotZr -dotDr -(D_scale Leibniz) lo.
  rewrite raddf_sum dot_sumr; apply: eq_bigr => x _ /=.
  by rewrite (D_scale Leibniz) D_e dotDr !dotZr mulrDr mulrA.
apply: (mulfI l_neq0); rewrite mulrDr Dlo mulrCA [D l / l]mulrC mulVKf // Dl.
have lP S : l * P xs S = e S by rewrite /P mulrCA divff ?mulr1.
rewrite mulrDr mulr_suml mulr_sumr -sumrB -big_split !mulr_sumr -big_split; apply: eq_bigr => x _ /=.
by rewrite /dS /dv dotZl -(lP x.1); apply: collect_softmax.
Qed.

End Softmax.

End OnlineSoftmax.
