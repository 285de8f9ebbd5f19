(** * The blockwise form: queries walk over the blocks before them, which may be folded in pairs *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Logits Forms.UTTransform Forms.CompactWY.
From Path Require Import Forms.Blockwise.Block Forms.Blockwise.FoldedKeys.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module Blockwise.
Import FoldedKeys.

(** ** Definitions *)

(** P and P' of all blocks before block N, one below the other; numbers, one beside the other. *)
Fixpoint stack (R : comRingType) d (size : nat -> nat) (P : forall c, 'M[R]_(size c, d)) N : 'M[R]_(start size N, d) :=
  if N is c.+1 then col_mx (stack P c) (P c) else 0.
Fixpoint line_up (R : comRingType) (size : nat -> nat) (v : forall c, 'rV[R]_(size c)) N : 'rV[R]_(start size N) :=
  if N is c.+1 then row_mx (line_up v c) (v c) else 0.

Section Definitions.
Variables (R : comRingType) (d g : nat) (s : segment R d g).

(** Block c has size c tokens, any number, from start c on; what lies before it is cut into the runs of cover c. *)
Variables (size : nat -> nat) (cover : nat -> seq run).
Local Notation start := (start size).
Local Notation length := (length size).

(** The matrices of block c. *)
Definition Qb c h := Q s h (start c) (size c).
Definition Kb c := K s (start c) (size c).
Definition Wb c := W s (start c) (size c).
Definition bb c := b s (start c) (size c).
Definition Khat c := Block.Khat (Kb c) (Wb c) (bb c).
Definition carry c := Block.carry (Wb c) (bb c).
Definition Qtilde c h := Block.Qtilde (Qb c h) (Wb c) (bb c).

(** The logits of block c: its diagonal tile, and the tiles that its walk finds. *)
Definition diagonal c h : 'M[R]_(size c) := CompactWY.A (Qb c h) (Kb c) (Wb c) (bb c).
Definition before c h : 'M[R]_(size c, length (cover c)) := walk Khat carry (Qtilde c h) (cover c).

(** The logits of the first N blocks. *)
Fixpoint A h N : 'M[R]_(start N) :=
  if N is c.+1 then block_mx (A h c) 0 (\matrix_(i, j) entry (before c h) i j) (diagonal c h) else 0.

(** Backward, with G_h the cotangent of A_h for each head that shares the keys. *)
Variables (N : nat) (G : 'I_g -> 'M[R]_(start N)).
Definition Gdiagonal c h : 'M[R]_(size c) := cut (G h) (start c) (size c) (start c) (size c).
Definition Gbefore c h : 'M[R]_(size c, length (cover c)) := cut (G h) (start c) (size c) 0 (length (cover c)).

(** What all queries have to say of K^ and R of block c. *)
Definition collected c h := collect Khat carry (Qtilde c h) (Gbefore c h).
Definition dKhat c := \sum_(a < N) \sum_h FoldedKeys.dKhat (collected a h) c.
Definition dcarry c := \sum_(a < N) \sum_h FoldedKeys.dcarry (collected a h) c.

Definition block c : gradient R d g (size c) :=
  Block.backward (Qb c) (Kb c) (Wb c) (bb c) (Gdiagonal c) (fun h => C Khat carry (Gbefore c h)) (dKhat c) (dcarry c).

Definition backward : gradient R d g (start N) := Gradient
  (fun h => stack (fun c => dQ (block c) h) N) (stack (fun c => dK (block c)) N)
  (stack (fun c => dW (block c)) N) (line_up (fun c => dbeta (block c)) N).

End Definitions.

(** ** Forward *)

Section Correct.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Variables (size : nat -> nat) (cover : nat -> seq run).
Local Notation start := (start size).
Local Notation length := (length size).
Local Notation prodH := (prodH s).
Local Notation Khat := (Khat s size).
Local Notation carry := (carry s size).

Lemma carryE u lo hi : spans u lo hi -> FoldedKeys.carry carry u = prodH (start lo) (start hi).
Proof.
elim: u lo hi => [c|l IHl r IHr] lo hi /=; first by case=> -> ->; rewrite /carry /Wb /bb Block.carry_product.
case=> mid spl spr; rewrite (IHl _ _ spl) (IHr _ _ spr) /Logits.prodH.
by rewrite -descending_cat ?(start_spans size spl) ?(start_spans size spr).
Qed.

Lemma Khat_row u lo hi (t : 'I_(FoldedKeys.run_length size u)) : spans u lo hi ->
  row t (FoldedKeys.Khat Khat carry u) = (prodH (start lo + t).+1 (start hi) *m (k s (start lo + t)%N)^T)^T.
Proof.
elim: u lo hi t => [c|l IHl r IHr] lo hi /= t; first by case=> -> ->; rewrite Block.Khat_row.
case=> mid spl spr; case: (split_ordP t) => j ->.
  rewrite rowKu row_mul (IHl _ _ _ spl) -trmx_mul (carryE spr) mulmxA /Logits.prodH.
  rewrite -descending_cat ?(start_spans size spr) //.
  by rewrite -(run_lengthE size spl) ltn_add2l.
by rewrite rowKd (IHr _ _ _ spr) /= -(run_lengthE size spl) addnA.
Qed.

Lemma walk_entry m (X : 'M[R]_(m, d)) us c (i : 'I_m) (j : 'I_(length us)) : covers us c ->
  walk Khat carry X us i j = (row i X *m prodH j.+1 (start c) *m (k s j)^T) 0 0.
Proof.
elim: us c X j => [|u us IHus] c X /= j; first by case: j.
case=> lo sp cov; case: (split_ordP j) => j' ->.
  rewrite row_mxEl (IHus lo) // row_mul (carryE sp) -2!mulmxA.
  rewrite [X in _ = (_ *m X *m _) 0 0](@descending_cat _ _ _ _ (start lo)).
  - by rewrite !mulmxA.
  - by rewrite -(lengthE size cov) /= ltn_ord.
  - by rewrite (start_spans size sp).
rewrite row_mxEr /= (lengthE size cov) -mulmxA.
have -> : prodH (start lo + j').+1 (start c) *m (k s (start lo + j')%N)^T = (row j' (FoldedKeys.Khat Khat carry u))^T.
  by rewrite (Khat_row _ sp) trmxK.
by rewrite !mxE; apply: eq_bigr => x _; rewrite !mxE.
Qed.

(** The walk of block c finds the logits of all keys before it. *)
Theorem walk_correct c h i j : covers (cover c) c -> before s size cover c h i j = logit s h (start c + i) j.
Proof.
move=> cov; rewrite /before (walk_entry _ _ _ cov) Block.Qtilde_row /logit -[in RHS](mulmxA (q s h _)).
rewrite -[X in (X *m _) 0 0]mulmxA -descending_cat ?mulmxA //; last by rewrite leqW ?leq_addr.
by rewrite -(lengthE size cov) ltn_ord.
Qed.

Hypothesis cover_covers : forall c, covers (cover c) c.

(** For any number of blocks of any sizes, the table of logits. *)
Theorem forward_correct h N : A s size cover h N = logits s h 0 (start N).
Proof.
elim: N => [|c IHc]; first by apply/matrixP => -[].
rewrite /= IHc; apply/matrixP => i j; case: (split_ordP i) => i' ->; case: (split_ordP j) => j' ->.
- by rewrite block_mxEul !mxE.
- by rewrite block_mxEur !mxE /= leqNgt ltn_addr.
- rewrite block_mxEdl !mxE /= (leq_trans (ltnW (ltn_ord j')) (leq_addr i' _)) add0n.
  have lt_j : (j' < length (cover c))%N by rewrite (lengthE size (cover_covers c)) ltn_ord.
  by rewrite -[nat_of_ord j']/(nat_of_ord (Ordinal lt_j)) entryE walk_correct.
- by rewrite block_mxEdr /diagonal CompactWY.forward_correct !mxE /= leq_add2l !add0n.
Qed.

End Correct.

(** ** Backward: the chain rule *)

Section Sums.
Variables (R : comRingType) (size : nat -> nat).
Local Notation start := (start size).

Lemma sum_blocks (f : nat -> R) N : \sum_(i < start N) f i = \sum_(c < N) \sum_(i < size c) f (start c + i)%N.
Proof. by elim: N => [|c IHc]; rewrite ?big_ord0 // big_ord_recr /= big_split_ord /= IHc. Qed.

(** Of a lower triangle, the rows of block c: what is before the block, and its diagonal tile. *)
Lemma sum_row (f : nat -> R) c N i : (c < N)%N -> (i < size c)%N ->
  \sum_(j < start N | (j <= start c + i)%N) f j = \sum_(j < start c) f j + \sum_(j < size c | (j <= i)%N) f (start c + j)%N.
Proof.
move=> lt_cN lt_i; have le_cN : (start c.+1 <= start N)%N by exact: start_mono.
transitivity (\sum_(j < start c.+1 | (j <= start c + i)%N) f j).
  rewrite (big_ord_widen_cond _ (fun j => j <= start c + i)%N f le_cN); apply: eq_bigl => j.
  by rewrite andb_idr // => /leq_ltn_trans; apply; rewrite /= ltn_add2l.
rewrite /= big_split_ord /=; congr (_ + _); last by apply: eq_bigl => j; rewrite leq_add2l.
by apply: eq_bigl => j; rewrite (leq_trans (ltnW (ltn_ord j)) (leq_addr i _)).
Qed.

Lemma ip_stack d (P : forall c, 'M[R]_(size c, d)) (x : nat -> 'rV[R]_d) N :
  ip (stack P N) (rows x 0 (start N)) = \sum_(c < N) ip (P c) (rows x (start c) (size c)).
Proof.
elim: N => [|c IHc]; first by rewrite big_ord0 ip0l.
rewrite big_ord_recr /= -IHc.
have -> : rows x 0 (start c + size c) = col_mx (rows x 0 (start c)) (rows x (start c) (size c)).
  apply/row_matrixP => t; rewrite rowK add0n; case: (split_ordP t) => j ->; first by rewrite rowKu rowK.
  by rewrite rowKd rowK.
by rewrite ip_col col_mxKu col_mxKd.
Qed.

Lemma ip_line_up (v : forall c, 'rV[R]_(size c)) (x : nat -> R) N :
  ip (line_up v N) (numbers x 0 (start N)) = \sum_(c < N) ip (v c) (numbers x (start c) (size c)).
Proof.
elim: N => [|c IHc]; first by rewrite big_ord0 ip0l.
rewrite big_ord_recr /= -IHc.
have -> : numbers x 0 (start c + size c) = row_mx (numbers x 0 (start c)) (numbers x (start c) (size c)).
  by apply/rowP => t; rewrite mxE add0n; case: (split_ordP t) => j ->; rewrite ?row_mxEl ?row_mxEr mxE.
by rewrite ip_row row_mxKl row_mxKr.
Qed.

End Sums.

Section ChainRule.
Variables (R : comRingType) (d g : nat) (s : segment R d g).
Variables (size : nat -> nat) (cover : nat -> seq run).
Hypothesis cover_covers : forall c, covers (cover c) c.
Local Notation start := (start size).
Local Notation length := (length size).
Variable D : {additive R -> R}.
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' P" := (map_mx D P) (at level 8, P at level 2).
Variables (N : nat) (G : 'I_g -> 'M[R]_(start N)).
Local Notation Gdiagonal := (Gdiagonal G).
Local Notation Gbefore := (Gbefore cover G).
Local Notation diagonal := (diagonal s size).
Local Notation before := (before s size cover).

Lemma ip_tiles h : ip (G h) ('D (logits s h 0 (start N))) =
  \sum_(c < N) (ip (Gdiagonal c h) ('D (diagonal c h)) + ip (Gbefore c h) ('D (before c h))).
Proof.
pose f i j := entry (G h) i j * D (logit s h i j).
transitivity (\sum_(i < start N) \sum_(j < start N | (j <= i)%N) f i j).
  apply: eq_bigr => i _; rewrite [RHS]big_mkcond; apply: eq_bigr => j _.
  by rewrite !mxE /f entryE !add0n; case: ifP => _; rewrite ?raddf0 ?mulr0.
rewrite (sum_blocks size (fun i => \sum_(j < start N | (j <= i)%N) f i j)); apply: eq_bigr => c _.
rewrite /ip -big_split; apply: eq_bigr => i _ /=; rewrite (sum_row (f (start c + i)%N) (ltn_ord c) (ltn_ord i)) addrC.
congr (_ + _).
  rewrite [LHS]big_mkcond; apply: eq_bigr => j _; rewrite /diagonal /Qb /Kb /Wb /bb CompactWY.forward_correct !mxE.
  by case: ifP => _; rewrite ?raddf0 ?mulr0.
set row_i := f _; rewrite -(lengthE size (cover_covers c)); apply: eq_bigr => j _.
by rewrite !mxE walk_correct // add0n.
Qed.

Theorem backward_correct : \sum_h ip (G h) ('D (logits s h 0 (start N))) =
  pairing (backward s cover G) (map_segment D s) 0.
Proof.
under eq_bigr => h do rewrite ip_tiles.
under eq_bigr => h do under eq_bigr => c do
  rewrite [ip (Gbefore _ _) _](collect_correct Leibniz _ _ _ _ (cover_covers c) (ltnW (ltn_ord c))) addrA.
rewrite exchange_big /=; under eq_bigr => c do rewrite big_split /=.
rewrite big_split /=.
have -> : \sum_(c < N) \sum_h total D (Khat s size) (carry s size) N (collected s cover G c h) =
    \sum_(c < N) (ip (dKhat s cover G c) ('D (Khat s size c)) + ip (dcarry s cover G c) ('D (carry s size c))).
  rewrite /total; under eq_bigr => c do rewrite exchange_big /=.
  rewrite exchange_big /=; apply: eq_bigr => c _; under eq_bigr => a do rewrite big_split /=.
  by rewrite big_split /= /dKhat /dcarry !ip_suml; congr (_ + _); apply: eq_bigr => a _; rewrite ip_suml.
rewrite -big_split /=.
pose x c := block s cover G c.
transitivity (\sum_(c < N) (\sum_h ip (dQ (x c) h) ('D (Qb s size c h)) + ip (dK (x c)) ('D (Kb s size c)) +
    ip (dW (x c)) ('D (Wb s size c)) + ip (dbeta (x c)) ('D (bb s size c)))).
  by apply: eq_bigr => c _; exact: (Block.backward_correct Leibniz).
rewrite !big_split /= exchange_big /= /pairing /backward /Q /K /W /b /= !ip_stack ip_line_up.
congr (_ + _ + _ + _).
- by apply: eq_bigr => h _; rewrite ip_stack; apply: eq_bigr => c _; rewrite /Qb /Q D_rows.
- by apply: eq_bigr => c _; rewrite /Kb /K D_rows.
- by apply: eq_bigr => c _; rewrite /Wb /W D_rows.
- by apply: eq_bigr => c _; rewrite /bb /b D_numbers.
Qed.

End ChainRule.

(** ** The same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (f : {rmorphism S -> R}) (d g : nat) (s : segment S d g) (r : segment R d g).
Hypothesis im : image f s r.
Variables (size : nat -> nat) (cover : nat -> seq run).
Local Notation "''f' v" := (map_mx f v) (at level 8, v at level 2).

Lemma map_stack (P : forall c, 'M[S]_(size c, d)) (P' : forall c, 'M[R]_(size c, d)) N :
  (forall c, 'f (P c) = P' c) -> 'f (stack P N) = stack P' N.
Proof. by move=> eqP; elim: N => [|c IHc] /=; rewrite ?map_mx0 // map_col_mx IHc eqP. Qed.
Lemma map_line_up (P : forall c, 'rV[S]_(size c)) (P' : forall c, 'rV[R]_(size c)) N :
  (forall c, 'f (P c) = P' c) -> 'f (line_up P N) = line_up P' N.
Proof. by move=> eqP; elim: N => [|c IHc] /=; rewrite ?map_mx0 // map_row_mx IHc eqP. Qed.

Lemma map_Khat c : 'f (Khat s size c) = Khat r size c.
Proof. by rewrite /Khat Block.map_Khat (map_K im) (map_W im) (map_b im). Qed.
Lemma map_carry c : 'f (carry s size c) = carry r size c.
Proof. by rewrite /carry Block.map_carry (map_W im) (map_b im). Qed.
Lemma map_Qtilde c h : 'f (Qtilde s size c h) = Qtilde r size c h.
Proof. by rewrite /Qtilde (Block.map_Qtilde _ _ (fun h => map_Q im h _ _)) (map_W im) (map_b im). Qed.

Variables (N : nat) (Gs : 'I_g -> 'M[S]_(start size N)) (Gr : 'I_g -> 'M[R]_(start size N)).
Hypothesis eqG : forall h, 'f (Gs h) = Gr h.

Lemma map_collected c h : same_cotangents (map_cotangents f (collected s cover Gs c h)) (collected r cover Gr c h).
Proof. exact (map_collect map_Khat map_carry (map_Qtilde c h) (map_cut _ _ _ _ (eqG h))). Qed.
Lemma map_dKhat c : 'f (dKhat s cover Gs c) = dKhat r cover Gr c.
Proof. exact (mapS _ _ (fun a : 'I_N => mapS _ _ (fun h => proj1 (map_collected a h) c))). Qed.
Lemma map_dcarry c : 'f (dcarry s cover Gs c) = dcarry r cover Gr c.
Proof. exact (mapS _ _ (fun a : 'I_N => mapS _ _ (fun h => proj2 (map_collected a h) c))). Qed.

Lemma map_block c : same (map_gradient f (block s cover Gs c)) (block r cover Gr c).
Proof.
rewrite /block /Kb /Wb /bb -(map_K im) -(map_W im) -(map_b im); apply: Block.map_backward => [h|h|h||].
- exact: map_Q.
- exact (map_cut _ _ _ _ (eqG h)).
- exact (map_C map_Khat map_carry (map_cut _ _ _ _ (eqG h))).
- exact: map_dKhat.
- exact: map_dcarry.
Qed.

Lemma map_backward : same (map_gradient f (backward s cover Gs)) (backward r cover Gr).
Proof.
split=> [h|||] /=; first by apply: map_stack => c; case: (map_block c) => /(_ h).
- by apply: map_stack => c; case: (map_block c).
- by apply: map_stack => c; case: (map_block c).
- by apply: map_line_up => c; case: (map_block c).
Qed.

End Map.

(** ** Backward: the formulas compute the gradient *)

(** For any number N of blocks of any sizes, and any runs that what lies before a block is cut into. *)
Theorem gradient_correct (R : comRingType) (d g : nat) (s : segment R d g) size cover N
    (G : 'I_g -> 'M[R]_(start size N)) :
  (forall c, covers (cover c) c) -> is_gradient s G (backward s cover G).
Proof.
move=> cov; apply: (is_gradient_from (xline := fun s' => backward (along s s') cover (const G))) => s'.
  exact: (backward_correct (along s s') cov (@derivM R) (const G)).
by apply: map_backward => [|h]; [exact: image_along | exact: at0_const].
Qed.

(** In particular for runs of 1, 2, 4, ..., 2^levels blocks. *)
Corollary gradient_correct_levels (R : comRingType) (d g : nat) (s : segment R d g) size levels N
    (G : 'I_g -> 'M[R]_(start size N)) :
  is_gradient s G (backward s (longest_runs levels) G).
Proof. exact: gradient_correct (longest_runs_cover levels). Qed.

End Blockwise.
