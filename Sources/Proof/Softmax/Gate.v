(** * Scale and forget gate:  S_ij = scale A_ij + gate_ij *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Logits.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module Gate.

(** ** Definitions *)

Section Forward.
Variables (R : comRingType) (factor : R) (gate_log : nat -> R).

(** The inclusive cumulative sum of g, the log of the gate. *)
Definition c t : R := \sum_(r < t.+1) gate_log r.

(** gate_ij = factor (c_i - c_j).  The factor is scale in the convention `scaled`, 1 in `unscaled`. *)
Definition gate i j : R := factor * (c i - c j).

End Forward.

Section Backward.
Variables (R : comRingType) (factor : R) (n : nat) (dS : 'M[R]_n).

(** E = factor tril(dS);  dc_i = sum_j E_ij - sum_j E_ji;  dg_t = sum_{i >= t} dc_i *)
Definition E : 'M[R]_n := factor *: tril dS.
Definition dc (i : 'I_n) : R := \sum_j E i j - \sum_j E j i.
Definition dg t : R := \sum_(i < n | (t <= i)%N) dc i.

End Backward.

(** The logits with scale and gate, one sequence of gates for each query head. *)
Definition S (R : comRingType) d g (s : segment R d g) scale factor (gates : 'I_g -> nat -> R) h i j : R :=
  scale * logit s h i j + gate factor (gates h) i j.

(** ** Forward *)

Section Facts.
Variable R : comRingType.

(** The gates of j+1, ..., i act, those of the reflections' interval. *)
Theorem gate_interval factor (gl : nat -> R) i j : (j <= i)%N -> gate factor gl i j = factor * \sum_(j.+1 <= t < i.+1) gl t.
Proof.
move=> le_ji; rewrite /gate /c -!(big_mkord xpredT gl) (@big_cat_nat _ _ _ j.+1 0 i.+1) //=.
by rewrite addrC addKr.
Qed.

(** g_unscaled = scale g_scaled *)
Theorem conventions scale (gl : nat -> R) i j : gate 1 (fun t => scale * gl t) i j = gate scale gl i j.
Proof. by rewrite /gate /c -!mulr_sumr mul1r mulrBr. Qed.

(** ** Backward *)

Lemma sum_c n (gl : nat -> R) (e : 'I_n -> R) :
  \sum_(i < n) e i * c gl i = \sum_(t < n) (\sum_(i < n | (t <= i)%N) e i) * gl t.
Proof.
under eq_bigr => i do rewrite /c (big_ord_widen n gl (ltn_ord i)) mulr_sumr.
rewrite (exchange_big_dep xpredT) //=; apply: eq_bigr => t _; rewrite mulr_suml.
by apply: eq_bigl => i; rewrite ltnS.
Qed.

(** The gate is linear in g, and dg is what it is paired with. *)
Theorem gate_gradient factor n (dS : 'M[R]_n) (gl : nat -> R) :
  \sum_(i < n) \sum_(j < n | (j <= i)%N) dS i j * gate factor gl i j = \sum_(t < n) dg factor dS t * gl t.
Proof.
transitivity (\sum_(i < n) \sum_(j < n) (E factor dS i j * c gl i - E factor dS i j * c gl j)).
  apply: eq_bigr => i _; rewrite big_mkcond; apply: eq_bigr => j _; rewrite !mxE -mulrBr /gate.
  by case: ifP => _; rewrite ?mulr0 ?mul0r // mulrA [dS i j * _]mulrC.
rewrite -sum_c; under eq_bigr => i do rewrite sumrB.
under [RHS]eq_bigr => i do rewrite mulrBl !mulr_suml.
by rewrite !sumrB; congr (_ - _); rewrite exchange_big.
Qed.

(** The gate of the first token never acts. *)
Theorem dg_first factor n (dS : 'M[R]_n) : dg factor dS 0 = 0.
Proof. by rewrite /dg /dc (eq_bigl xpredT) // sumrB [X in _ - X]exchange_big subrr. Qed.

Lemma slopeD (p r : {poly R}) : slope (p + r) = slope p + slope r.
Proof. by rewrite /slope derivD hornerD. Qed.
Lemma slopeC (a : R) p : slope (a%:P * p) = a * slope p.
Proof. by rewrite /slope derivM derivC mul0r add0r hornerM hornerC. Qed.
Lemma slope_sum (I : Type) (r : seq I) (P : pred I) (f : I -> {poly R}) :
  slope (\sum_(i <- r | P i) f i) = \sum_(i <- r | P i) slope (f i).
Proof. by rewrite /slope raddf_sum horner_sum. Qed.

Lemma slope_gate factor (gl gl' : nat -> R) i j :
  slope (gate factor%:P (fun t => line (gl t) (gl' t)) i j) = factor * (c gl' i - c gl' j).
Proof.
have slope_c t : slope (c (fun t => line (gl t) (gl' t)) t) = c gl' t.
  by rewrite slope_sum; apply: eq_bigr => r _; rewrite slope_line.
by rewrite slopeC -[in RHS](slope_c i) -[in RHS](slope_c j) /slope derivB hornerD hornerN.
Qed.

(** Of S = scale A + gate:  G = scale dS is the cotangent of A, and dg the gradient of the gate. *)
Theorem gradient_correct d g n (s : segment R d g) scale factor (gates : 'I_g -> nat -> R) (dS : 'I_g -> 'M[R]_n) x :
  is_gradient s (fun h => scale *: dS h) x ->
  forall s' (gates' : 'I_g -> nat -> R),
  \sum_h \sum_(i < n) \sum_(j < n | (j <= i)%N) dS h i j *
    slope (S (along s s') scale%:P factor%:P (fun h t => line (gates h t) (gates' h t)) h i j) =
  pairing x s' 0 + \sum_h \sum_(t < n) dg factor (dS h) t * gates' h t.
Proof.
move=> gx s' gates'; rewrite -gx -big_split; apply: eq_bigr => h _ /=; rewrite -gate_gradient -big_split.
apply: eq_bigr => i _ /=; rewrite [X in X + _](bigID (fun j : 'I_n => (j <= i)%N)) /= [X in _ + X + _]big1 ?addr0.
  rewrite -big_split; apply: eq_bigr => j le_ji; rewrite !mxE le_ji !add0n /S slopeD slopeC slope_gate mulrDr.
  by rewrite -/(gate factor (gates' h) i j); congr (_ + _); rewrite mulrA [dS h i j * _]mulrC.
by move=> j /negPf lt_ij; rewrite !mxE lt_ij /slope derivC horner0 mulr0.
Qed.

End Facts.

End Gate.
