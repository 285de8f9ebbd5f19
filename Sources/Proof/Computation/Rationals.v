(** * The rational numbers that computers have, as a ring

    Coq's fractions in lowest terms are binary, so that large ones can be computed with. *)

From Coq Require Import ZArith QArith Qcanon.
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.

Module Rationals.

(** A fraction is known by three natural numbers: positive part, negative part, denominator. *)
Definition encode (x : Qc) : nat * nat * nat := (Z.to_nat (Qnum x), Z.to_nat (- Qnum x), Pos.to_nat (Qden x)).
Definition decode (c : nat * nat * nat) : Qc := Q2Qc ((Z.of_nat c.1.1 - Z.of_nat c.1.2) # Pos.of_nat c.2).

Lemma encodeK : cancel encode decode.
Proof.
move=> x; apply: Qc_is_canon; rewrite /decode /encode; apply: Qeq_trans (Qred_correct _) _.
rewrite [Pos.of_nat _]Pos2Nat.id [X in (X # _)%Q](_ : _ = Qnum x); last first.
  by rewrite /=; case: (Qnum x) => [|n|n] //=; rewrite positive_nat_Z ?Z.sub_0_r.
by case: (this x) => *; apply: Qeq_refl.
Qed.

Definition rational_eqMixin := CanEqMixin encodeK.
Canonical rational_eqType := Eval hnf in EqType Qc rational_eqMixin.
Definition rational_choiceMixin := CanChoiceMixin encodeK.
Canonical rational_choiceType := Eval hnf in ChoiceType Qc rational_choiceMixin.

Lemma addA : associative Qcplus. Proof. exact: Qcplus_assoc. Qed.
Lemma addC : commutative Qcplus. Proof. exact: Qcplus_comm. Qed.
Lemma add0 : left_id (Q2Qc 0) Qcplus. Proof. exact: Qcplus_0_l. Qed.
Lemma addN : left_inverse (Q2Qc 0) Qcopp Qcplus. Proof. by move=> x; rewrite addC; apply: Qcplus_opp_r. Qed.
Definition rational_zmodMixin := ZmodMixin addA addC add0 addN.
Canonical rational_zmodType := Eval hnf in ZmodType Qc rational_zmodMixin.

Lemma mulA : associative Qcmult. Proof. exact: Qcmult_assoc. Qed.
Lemma mulC : commutative Qcmult. Proof. exact: Qcmult_comm. Qed.
Lemma mul1 : left_id (Q2Qc 1) Qcmult. Proof. exact: Qcmult_1_l. Qed.
Lemma mulD : left_distributive Qcmult Qcplus. Proof. by move=> x y z; apply: Qcmult_plus_distr_l. Qed.
Lemma one_neq0 : Q2Qc 1 != Q2Qc 0. Proof. by []. Qed.
Definition rational_comRingMixin := ComRingMixin mulA mulC mul1 mulD one_neq0.
Canonical rational_ringType := Eval hnf in RingType Qc rational_comRingMixin.
Canonical rational_comRingType := Eval hnf in ComRingType Qc mulC.

End Rationals.
