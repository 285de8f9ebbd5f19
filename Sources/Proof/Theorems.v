(** * The forms are equal

    For every commutative ring R, every number of tokens n, lanes d and query heads g of a group, every cut of the tokens into
    blocks, and every number of levels at which blocks are folded in pairs. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Logits Forms.SequentialProduct Forms.CompactWY.
From Path Require Import Forms.Blockwise.FoldedKeys Forms.Blockwise.Blockwise Softmax.Gate Softmax.OnlineSoftmax.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module Theorems.

(** ** Logits and their gradients *)

Section Forms.
Variables (R : comRingType) (d g : nat) (s : segment R d g).

(** The forms of n tokens from the first on.  The sequential product computes the definition itself. *)
Definition compact_wy_logits n h := CompactWY.A (Q s h 0 n) (K s 0 n) (W s 0 n) (b s 0 n).
Definition compact_wy_gradient n G := CompactWY.backward (fun h => Q s h 0 n) (K s 0 n) (W s 0 n) (b s 0 n) G.

(** Blocks of size 0, size 1, ..., size (N-1) tokens. *)
Variables (size : nat -> nat) (levels N : nat).
Local Notation n := (FoldedKeys.start size N).
Definition blockwise_logits h : 'M[R]_n := Blockwise.A s size (FoldedKeys.longest_runs levels) h N.
Definition blockwise_gradient (G : 'I_g -> 'M[R]_n) := Blockwise.backward s (FoldedKeys.longest_runs levels) G.

Theorem forms_equal h : compact_wy_logits n h = logits s h 0 n /\ blockwise_logits h = logits s h 0 n.
Proof.
split; first exact: CompactWY.forward_correct.
by apply: Blockwise.forward_correct => c; apply: FoldedKeys.longest_runs_cover.
Qed.

Theorem gradients_equal (G : 'I_g -> 'M[R]_n) :
  same (compact_wy_gradient G) (SequentialProduct.backward s G) /\
  same (blockwise_gradient G) (SequentialProduct.backward s G).
Proof.
split; apply: (gradient_unique (s := s) (G := G)); first exact: CompactWY.gradient_correct.
- exact: SequentialProduct.gradient_correct.
- exact: Blockwise.gradient_correct_levels.
- exact: SequentialProduct.gradient_correct.
Qed.

End Forms.

(** ** Outputs and log-sum-exps *)

Section Attention.
Variables (R : comRingType) (d g : nat) (s : segment R d g) (scale factor : R) (gates : 'I_g -> nat -> R).
Variables (F : fieldType) (dv : nat) (v : nat -> 'rV[F]_dv) (e : R -> F).
Hypotheses (eD : forall a b, e (a + b) = e a * e b) (e_neq0 : forall a, e a != 0).

(** What query i sees: the logits and values of the keys 0, ..., i. *)
Definition seen h i := [seq (Gate.S s scale factor gates h i j, v j) | j <- iota 0 i.+1].

(** What the blockwise form sees for query i of block c, tile by tile: its diagonal tile, then the runs before it. *)
Variables (size : nat -> nat) (levels : nat).
Local Notation start := (FoldedKeys.start size).
Local Notation length := (FoldedKeys.length size).
Local Notation runs := (FoldedKeys.longest_runs levels).
Definition with_gate h c i (a : nat * R) := (scale * a.2 + Gate.gate factor (gates h) (start c + i) a.1, v a.1).
Fixpoint run_tiles us (a : nat -> R) : seq (seq (nat * R)) := if us is u :: us' then
  [seq (j, a j) | j <- iota (length us') (FoldedKeys.run_length size u)] :: run_tiles us' a else [::].
Definition tiles h c i := [seq [seq with_gate h c i a | a <- tile] | tile <-
  [seq ((start c + j)%N, entry (Blockwise.diagonal s size c h) i j) | j <- iota 0 i.+1] ::
  run_tiles (runs c) (entry (Blockwise.before s size runs c h) i)].

Lemma run_tiles_flatten us a : perm_eq (flatten (run_tiles us a)) [seq (j, a j) | j <- iota 0 (length us)].
Proof.
elim: us => //= u us IHus; rewrite iotaD map_cat add0n perm_catC perm_cat2r; exact: IHus.
Qed.

(** Visiting the tiles in any order, with any pivots, gives the output and the log-sum-exp of the definition. *)
Theorem attention_correct h c (i : 'I_(size c)) m0 ts : perm_eq [seq t.2 | t <- ts] (tiles h c i) ->
  let: (m, l, sum) := OnlineSoftmax.online e m0 ts in
  l^-1 *: sum = OnlineSoftmax.o e (seen h (start c + i)) /\
  e m * l = OnlineSoftmax.sum_exp e (seen h (start c + i)).
Proof.
move=> perm_ts; apply: OnlineSoftmax.online_correct eD e_neq0 _ _ _ _.
apply: (perm_trans (perm_flatten perm_ts)); rewrite /tiles map_cons -[flatten _]/(_ ++ flatten _) -map_flatten.
rewrite /seen -addnS iotaD map_cat add0n perm_catC; apply: perm_cat.
  apply: (perm_trans (perm_map _ (run_tiles_flatten _ _))); rewrite -map_comp.
  set S_ := fun j => (_, v j); set T_ := (_ \o _).
  have eqT : {in iota 0 (length (runs c)), T_ =1 S_}.
    move=> j; rewrite mem_iota add0n /= => lt_j; rewrite /T_ /S_ /with_gate /Gate.S /=.
    rewrite -[X in entry _ _ X]/(nat_of_ord (Ordinal lt_j)) entryE Blockwise.walk_correct //.
    exact: FoldedKeys.longest_runs_cover.
  by rewrite (proj1 (eq_in_map _ _ _) eqT) (FoldedKeys.lengthE size (FoldedKeys.longest_runs_cover levels c)).
have -> : iota (start c) i.+1 = map (addn (start c)) (iota 0 i.+1) by rewrite -iotaDl addn0.
rewrite -!map_comp; set S_ := (_ \o _); set T_ := (_ \o _).
suff eqT : {in iota 0 i.+1, S_ =1 T_} by rewrite (proj1 (eq_in_map _ _ _) eqT).
move=> j; rewrite mem_iota add0n /= => lt_j; rewrite /T_ /S_ /with_gate /Gate.S /=.
have lt_j' : (j < size c)%N := leq_trans lt_j (ltn_ord i).
rewrite -[X in entry _ _ X]/(nat_of_ord (Ordinal lt_j')) entryE /Blockwise.diagonal.
by rewrite CompactWY.forward_correct mxE /= -ltnS lt_j.
Qed.

End Attention.

End Theorems.
