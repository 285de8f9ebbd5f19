(** * Runs of blocks, folded in pairs, and the walk of queries over them

    A query that stands at the end of a run meets all its keys, and passes all its reflections, at once.  Without folding,
    every run is one block. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials Scalars.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module FoldedKeys.

(** ** Runs *)

(** One block by its number, or two neighbouring runs, the left one first. *)
Inductive run := Single of nat | Fold of run & run.

(** Run u holds the blocks lo, ..., hi-1. *)
Fixpoint spans u lo hi : Prop := match u with
  | Single c => lo = c /\ hi = c.+1
  | Fold l r => exists2 mid, spans l lo mid & spans r mid hi
  end.

(** The runs us, from right to left, hold the blocks 0, ..., c-1. *)
Fixpoint covers us c : Prop := if us is u :: us' then exists2 lo, spans u lo c & covers us' lo else c = 0%N.

(** Run p of 2^level blocks. *)
Fixpoint folds level p : run := if level is l.+1 then Fold (folds l p.*2) (folds l p.*2.+1) else Single p.

(** The longest runs of at most 2^levels blocks before block p, from right to left.  (After h steps p counts runs of 2^h.) *)
Fixpoint longest_runs_from levels h p : seq run :=
  if levels is l.+1 then (if odd p then [:: folds h p.-1] else [::]) ++ longest_runs_from l h.+1 p./2
  else [seq folds h c | c <- rev (iota 0 p)].
Definition longest_runs levels p := longest_runs_from levels 0 p.

(** ** Definitions *)

(** The number of tokens of block c is size c, and before it are start c. *)
Section Lengths.
Variable size : nat -> nat.
Fixpoint start c : nat := if c is c'.+1 then start c' + size c' else 0.
Fixpoint run_length u : nat := match u with Single c => size c | Fold l r => run_length l + run_length r end.
Fixpoint length us : nat := if us is u :: us' then length us' + run_length u else 0.
End Lengths.

Section Definitions.
Variables (R : comRingType) (d : nat) (size : nat -> nat).
Local Notation run_length := (run_length size).
Local Notation length := (length size).

(** K^ and R of each block. *)
Variables (K : forall c, 'M[R]_(size c, d)) (R_ : nat -> 'M[R]_d).

(** R = R_r R_l,  K^ = [K^_l R_r^T; K^_r] *)
Fixpoint carry u : 'M[R]_d := match u with Single c => R_ c | Fold l r => carry r *m carry l end.
Fixpoint Khat u : 'M[R]_(run_length u, d) := match u with
  | Single c => K c
  | Fold l r => col_mx (Khat l *m (carry r)^T) (Khat r)
  end.

(** The walk of the queries X, from right to left:  A_u = X K^_u^T,  X <- X R_u *)
Fixpoint walk m (X : 'M[R]_(m, d)) us : 'M[R]_(m, length us) :=
  if us is u :: us' then row_mx (walk (X *m carry u) us') (X *m (Khat u)^T) else 0.

(** Backward, with G the cotangent of the walk's logits.  C is the cotangent of what is carried, from left to right:
    C <- 0;  for each run:  C <- C R_u^T;  C <- C + G_u K^_u *)
Fixpoint C m us : 'M[R]_(m, length us) -> 'M[R]_(m, d) :=
  if us is u :: us' then fun G => C (lsubmx G) *m (carry u)^T + rsubmx G *m Khat u else fun=> 0.

(** Cotangents of K^ and R of each block. *)
Record cotangents := Cotangents { dKhat : forall c, 'M[R]_(size c, d); dcarry : nat -> 'M[R]_d }.
Definition zero := Cotangents (fun=> 0) (fun=> 0).
Definition add x y := Cotangents (fun c => dKhat x c + dKhat y c) (fun c => dcarry x c + dcarry y c).

(** Of a run to its blocks:
    dK^_l = dK^_upper R_r,  dK^_r = dK^_lower,  dR_l = R_r^T dR,  dR_r = dR R_l^T + dK^_upper^T K^_l *)
Fixpoint unfold u : 'M[R]_(run_length u, d) -> 'M[R]_d -> cotangents := match u with
  | Single c => fun dK dR => Cotangents
      (fun c' => if c' == c then \matrix_(i, x) entry dK i x else 0) (fun c' => if c' == c then dR else 0)
  | Fold l r => fun dK dR => add
      (unfold (usubmx dK *m carry r) ((carry r)^T *m dR))
      (unfold (dsubmx dK) (dR *m (carry l)^T + (usubmx dK)^T *m Khat l))
  end.

(** What a walk says of the blocks:  dR_u = X^T C,  dK^_u = G_u^T X *)
Fixpoint collect m (X : 'M[R]_(m, d)) us : 'M[R]_(m, length us) -> cotangents :=
  if us is u :: us' then fun G => add
    (unfold ((rsubmx G)^T *m X) (X^T *m C (lsubmx G))) (collect (X *m carry u) (lsubmx G))
  else fun=> zero.

End Definitions.

(** ** The longest runs *)

Lemma spans_folds level p : spans (folds level p) (p * 2 ^ level) (p.+1 * 2 ^ level).
Proof.
elim: level p => [|l IHl] p /=; first by rewrite !muln1.
exists (p.*2.+1 * 2 ^ l)%N; first by have := IHl p.*2; rewrite expnS mulnA muln2.
by have := IHl p.*2.+1; rewrite expnS mulnA muln2.
Qed.

Theorem longest_runs_cover levels p : covers (longest_runs levels p) p.
Proof.
suff cov h : covers (longest_runs_from levels h p) (p * 2 ^ h) by have := cov 0%N; rewrite muln1.
elim: levels h p => [|l IHl] h p /=.
  elim: p => [//|p IHp]; rewrite -addn1 iotaD rev_cat /= add0n addn1; exists (p * 2 ^ h)%N => //; exact: spans_folds.
have half : (p./2 * 2 ^ h.+1)%N = ((p - odd p) * 2 ^ h)%N.
  by rewrite expnS mulnA muln2 -[X in (X - _)%N]odd_double_half addKn.
have := IHl h.+1 p./2; rewrite half; case: p {half} => [|p] //=.
case: (odd p) => /=; rewrite ?subn0 ?subn1 //= => cov; exists (p * 2 ^ h)%N => //; exact: spans_folds.
Qed.

(** ** Lengths *)

Section Start.
Variable size : nat -> nat.
Local Notation start := (start size).

Lemma start_mono b c : (b <= c)%N -> (start b <= start c)%N.
Proof. by move/subnK<-; elim: (c - b)%N => //= x le_bx; rewrite (leq_trans le_bx) ?leq_addr. Qed.

Lemma spans_le u lo hi : spans u lo hi -> (lo < hi)%N.
Proof.
elim: u lo hi => [c|l IHl r IHr] lo hi /=; first by case=> -> ->.
by case=> mid /IHl lt_lm /IHr; apply: ltn_trans.
Qed.

Lemma start_spans u lo hi : spans u lo hi -> (start lo <= start hi)%N.
Proof. by move/spans_le/ltnW/start_mono. Qed.

Lemma run_lengthE u lo hi : spans u lo hi -> (start lo + run_length size u)%N = start hi.
Proof.
elim: u lo hi => [c|l IHl r IHr] lo hi /=; first by case=> -> ->.
by case=> mid /IHl eq_mid /IHr <-; rewrite -eq_mid addnA.
Qed.

Lemma lengthE us c : covers us c -> length size us = start c.
Proof.
elim: us c => [|u us IHus] c /=; first by move->.
by case=> lo sp /IHus->; apply: run_lengthE.
Qed.

End Start.

(** ** Backward: the chain rule *)

Section ChainRule.
Variables (R : comRingType) (D : {additive R -> R}).
Hypothesis Leibniz : forall a b, D (a * b) = D a * b + a * D b.
Local Notation "''D' P" := (map_mx D P) (at level 8, P at level 2).
Variables (d : nat) (size : nat -> nat) (K : forall c, 'M[R]_(size c, d)) (R_ : nat -> 'M[R]_d).
Local Notation carry := (carry R_).
Local Notation Khat := (Khat K R_).

(** <dK^, DK^> + <dR, DR>, summed over the first N blocks. *)
Definition total N (x : cotangents R d size) : R :=
  \sum_(c < N) (ip (dKhat x c) ('D (K c)) + ip (dcarry x c) ('D (R_ c))).

Lemma total_zero N : total N (zero R d size) = 0.
Proof. by apply: big1 => c _; rewrite !ip0l addr0. Qed.
Lemma total_add N x y : total N (add x y) = total N x + total N y.
Proof. by rewrite /total -big_split; apply: eq_bigr => c _; rewrite /= !ipDl addrACA. Qed.

Lemma whole m n (P : 'M[R]_(m, n)) : \matrix_(i, x) entry P i x = P.
Proof. by apply/matrixP => i x; rewrite mxE entryE. Qed.

Lemma unfold_correct N u lo hi (dK : 'M[R]_(run_length size u, d)) dR : spans u lo hi -> (hi <= N)%N ->
  ip dK ('D (Khat u)) + ip dR ('D (carry u)) = total N (unfold K R_ dK dR).
Proof.
elim: u lo hi dK dR => [c|l IHl r IHr] lo hi /= dK dR.
  case=> _ -> lt_cN; rewrite /total (bigD1 (Ordinal lt_cN)) //= !eqxx whole big1 ?addr0 // => c' /negPf.
  by rewrite -val_eqE /= => ->; rewrite !ip0l addr0.
case=> mid spl spr le_N; rewrite total_add.
have le_mN : (mid <= N)%N by exact: leq_trans (ltnW (spans_le spr)) le_N.
rewrite -(IHl _ _ _ _ spl le_mN) -(IHr _ _ _ _ spr le_N).
rewrite map_col_mx ip_col (ip_D_mul Leibniz) (D_mul Leibniz) !ipDr !ipDl [ip dR (_ *m carry l)]ip_mull [ip dR (_ *m _)]ip_mulr.
collect_by collect_fold.
Qed.

Lemma collect_correct N m us c (X : 'M[R]_(m, d)) (G : 'M[R]_(m, length size us)) : covers us c -> (c <= N)%N ->
  ip G ('D (walk K R_ X us)) = ip (C K R_ G) ('D X) + total N (collect K R_ X G).
Proof.
elim: us c X G => [|u us IHus] c X /= G.
  by move=> _ _; rewrite total_zero addr0 ip0l map_mx0 ip0r.
case=> lo sp cov le_N; rewrite total_add map_row_mx ip_row.
rewrite (IHus _ _ _ cov (leq_trans (ltnW (spans_le sp)) le_N)) -(unfold_correct _ _ sp le_N).
rewrite (ip_D_mul Leibniz) (D_mul Leibniz) ipDr ip_mull [ip _ (X *m _)]ip_mulr ipDl.
collect_by collect_step.
Qed.

End ChainRule.

(** Cotangents of a run may be added up before they are unfolded: that is what programs do. *)
Section Linear.
Variables (R : comRingType) (d : nat) (size : nat -> nat) (K : forall c, 'M[R]_(size c, d)) (R_ : nat -> 'M[R]_d).

Definition same_cotangents (x y : cotangents R d size) : Prop :=
  (forall c, dKhat x c = dKhat y c) /\ (forall c, dcarry x c = dcarry y c).

Lemma entryD m n (P P' : 'M[R]_(m, n)) i j : entry (P + P') i j = entry P i j + entry P' i j.
Proof.
have of_options (oi : option 'I_m) (oj : option 'I_n) (at_ := fun A : 'M[R]_(m, n) =>
    if (oi, oj) is (Some i', Some j') then A i' j' else 0) : at_ (P + P') = at_ P + at_ P'.
  by rewrite {}/at_; case: oi oj => [i'|] [j'|]; rewrite ?addr0 ?mxE.
exact: of_options.
Qed.

Theorem unfold_add u (dK dK' : 'M[R]_(run_length size u, d)) dR dR' :
  same_cotangents (unfold K R_ (dK + dK') (dR + dR')) (add (unfold K R_ dK dR) (unfold K R_ dK' dR')).
Proof.
elim: u dK dK' dR dR' => [c|l IHl r IHr] dK dK' dR dR' /=.
  split=> c' /=; case: eqP => [eq_c|_]; rewrite ?addr0 //.
  by apply/matrixP => i x; rewrite !mxE entryD.
have upperD : usubmx (dK + dK') = usubmx dK + usubmx dK' by exact: linearD.
have lowerD : dsubmx (dK + dK') = dsubmx dK + dsubmx dK' by exact: linearD.
have transposedD : (usubmx dK + usubmx dK')^T = (usubmx dK)^T + (usubmx dK')^T by exact: linearD.
rewrite upperD lowerD transposedD !mulmxDl mulmxDr.
have [lK lR] := IHl (usubmx dK *m carry R_ r) (usubmx dK' *m carry R_ r) ((carry R_ r)^T *m dR) ((carry R_ r)^T *m dR').
have [rK rR] := IHr (dsubmx dK) (dsubmx dK') (dR *m (carry R_ l)^T + (usubmx dK)^T *m Khat K R_ l)
  (dR' *m (carry R_ l)^T + (usubmx dK')^T *m Khat K R_ l).
by rewrite addrACA; split=> c /=; rewrite ?lK ?rK ?lR ?rR /= addrACA.
Qed.

End Linear.

(** ** The same after a homomorphism of rings *)

Section Map.
Variables (S R : comRingType) (f : {rmorphism S -> R}) (d : nat) (size : nat -> nat).
Variables (Ks : forall c, 'M[S]_(size c, d)) (Rs : nat -> 'M[S]_d) (Kr : forall c, 'M[R]_(size c, d)) (Rr : nat -> 'M[R]_d).
Local Notation "''f' v" := (map_mx f v) (at level 8, v at level 2).
Hypotheses (eqK : forall c, 'f (Ks c) = Kr c) (eqR : forall c, 'f (Rs c) = Rr c).

Definition map_cotangents (x : cotangents S d size) : cotangents R d size :=
  Cotangents (fun c => 'f (dKhat x c)) (fun c => 'f (dcarry x c)).

Lemma map_carry u : 'f (carry Rs u) = carry Rr u.
Proof. by elim: u => //= l IHl r IHr; apply: mapM. Qed.
Lemma map_Khat u : 'f (Khat Ks Rs u) = Khat Kr Rr u.
Proof. by elim: u => //= l IHl r IHr; rewrite map_col_mx IHr map_mxM map_tr IHl map_carry. Qed.

Lemma map_C m us (G : 'M[S]_(m, length size us)) G' : 'f G = G' -> 'f (C Ks Rs G) = C Kr Rr G'.
Proof.
elim: us G G' => [|u us IHus] /= G G' eqG; first exact: map_mx0.
apply: mapD; apply: mapM; [|exact: mapT (map_carry u)| |exact: map_Khat]; last by rewrite -eqG map_rsubmx.
by apply: IHus; rewrite -eqG map_lsubmx.
Qed.

Lemma map_add x y x' y' : same_cotangents (map_cotangents x) x' -> same_cotangents (map_cotangents y) y' ->
  same_cotangents (map_cotangents (add x y)) (add x' y').
Proof. by move=> [xK xR] [yK yR]; split=> c /=; rewrite map_mxD -?xK -?xR -?yK -?yR. Qed.

Lemma map_unfold u (dK : 'M[S]_(run_length size u, d)) dR dK' dR' : 'f dK = dK' -> 'f dR = dR' ->
  same_cotangents (map_cotangents (unfold Ks Rs dK dR)) (unfold Kr Rr dK' dR').
Proof.
elim: u dK dR dK' dR' => [c|l IHl r IHr] /= dK dR dK' dR' eqdK eqdR.
  split=> c' /=; case: eqP => _; rewrite ?map_mx0 //.
  by apply/matrixP => i x; rewrite !mxE (map_entry _ _ eqdK).
have eqU : 'f (usubmx dK) = usubmx dK' by rewrite -eqdK map_usubmx.
apply: map_add; [apply: IHl | apply: IHr].
- exact: mapM eqU (map_carry r).
- exact: mapM (mapT (map_carry r)) eqdR.
- by rewrite -eqdK map_dsubmx.
- exact: mapD (mapM eqdR (mapT (map_carry l))) (mapM (mapT eqU) (map_Khat l)).
Qed.

Lemma map_collect m us (X : 'M[S]_(m, d)) X' (G : 'M[S]_(m, length size us)) G' : 'f X = X' -> 'f G = G' ->
  same_cotangents (map_cotangents (collect Ks Rs X G)) (collect Kr Rr X' G').
Proof.
elim: us X X' G G' => [|u us IHus] /= X X' G G' eqX eqG; first by split=> c /=; rewrite map_mx0.
have eqL : 'f (lsubmx G) = lsubmx G' by rewrite -eqG map_lsubmx.
have eqr : 'f (rsubmx G) = rsubmx G' by rewrite -eqG map_rsubmx.
apply: map_add; [apply: map_unfold | apply: IHus] => //.
- exact: mapM (mapT eqr) eqX.
- exact: mapM (mapT eqX) (map_C eqL).
- exact: mapM eqX (map_carry u).
Qed.

End Map.

End FoldedKeys.
