(** * The definition as a program on lists

    Matrices are good for proofs, but nothing can be computed with them.  Here the logits, and the recurrence for their
    gradient, are written once more for lists of numbers, with the proof that they are the same: so what these programs
    compute is, by the theorems, what every form computes. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Logits Forms.SequentialProduct Softmax.Gate.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module Lists.

(** ** Rows as lists *)

Section Rows.
Variables (R : comRingType) (d : nat).
Implicit Types (x y z : seq R).

Definition row_of x : 'rV[R]_d := \row_i nth 0 x i.
Definition zeros : seq R := nseq d 0.

(** x . y,  y + c x,  and the sum of f i over a list of i *)
Fixpoint product x y : R := match x, y with a :: x', c :: y' => a * c + product x' y' | _, _ => 0 end.
Definition plus y c x := [seq p.1 + c * p.2 | p <- zip y x].
Definition sum_rows (I : Type) (r : seq I) (f : I -> seq R) := foldr (fun i z => plus z 1 (f i)) zeros r.
Definition sum (I : Type) (r : seq I) (f : I -> R) : R := foldr (fun i a => f i + a) 0 r.

(** Row t of a list of rows. *)
Definition at_ (x : seq (seq R)) t := nth zeros x t.

Lemma row_of_zeros : row_of zeros = 0.
Proof. by apply/rowP => i; rewrite !mxE nth_nseq if_same. Qed.

Lemma productE x y : size x = d -> size y = d -> product x y = dot (row_of x) (row_of y).
Proof.
move=> sx sy; have -> : product x y = \sum_(i < size x) nth 0 x i * nth 0 y i.
  elim: x y {sx sy} => [|a x IHx] [|c y]; rewrite ?big_ord0 //=.
    by apply/esym/big1 => i _; rewrite nth_nil mulr0.
  by rewrite big_ord_recl /= IHx.
by rewrite /dot mxE sx; apply: eq_bigr => i _; rewrite !mxE.
Qed.

Lemma size_plus y c x : size y = d -> size x = d -> size (plus y c x) = d.
Proof. by move=> sy sx; rewrite size_map size_zip sy sx minnn. Qed.

Lemma plusE y c x : size y = d -> size x = d -> row_of (plus y c x) = row_of y + c *: row_of x.
Proof.
move=> sy sx; apply/rowP => i; rewrite !mxE (nth_map (0, 0)) ?size_zip ?sy ?sx ?minnn //.
by rewrite nth_zip ?sy ?sx.
Qed.

Lemma sum_rowsE (r : seq nat) (f : nat -> seq R) : {in r, forall i, size (f i) = d} ->
  size (sum_rows r f) = d /\ row_of (sum_rows r f) = \sum_(i <- r) row_of (f i).
Proof.
elim: r => [|i r IHr] sf /=; first by rewrite size_nseq big_nil row_of_zeros.
have [|sr row_r] := IHr; first by move=> j in_r; apply: sf; rewrite inE in_r orbT.
have si := sf i (mem_head _ _).
by rewrite size_plus // plusE // row_r big_cons scale1r addrC.
Qed.

Lemma sumE (I : Type) (r : seq I) (f : I -> R) : sum r f = \sum_(i <- r) f i.
Proof. by elim: r => [|i r IHr] /=; rewrite ?big_nil // big_cons IHr. Qed.

End Rows.

(** ** A problem *)

(** Of one segment and group: lists of rows for the tokens, one such list for each query head; the factor of the gate is
    scale or 1; dS is the cotangent of the logits, a list of rows for each head. *)
Record problem (R : comRingType) := Problem {
  heads : nat; tokens : nat; lanes : nat;
  q : seq (seq (seq R)); k : seq (seq R); w : seq (seq R); beta : seq R;
  gates : seq (seq R); scale : R; factor : R; dS : seq (seq (seq R))
}.

Section Programs.
Variables (R : comRingType) (p : problem R).
Local Notation d := (lanes p).
Local Notation n := (tokens p).
Local Notation g := (heads p).
Local Notation at_ := (at_ d).
Definition q_ h t := at_ (nth [::] (q p) h) t.
Definition k_ t := at_ (k p) t.
Definition w_ t := at_ (w p) t.
Definition beta_ t := nth 0 (beta p) t.
Definition gate_ h t := nth 0 (nth [::] (gates p) h) t.
Definition dS_ h i j := nth 0 (nth [::] (nth [::] (dS p) h) i) j.
Definition G_ h i j := scale p * dS_ h i j.

(** z H_t, and the rows x_ii, x_i,i-1, ..., x_i0 from x_ii = q_i on. *)
Definition reflect t z := plus z (- (beta_ t * product z (w_ t))) (w_ t).
Fixpoint xs z j := z :: if j is j'.+1 then xs (reflect j z) j' else [::].

(** y_0, y_1, ..., y_m from y_0 = 0 on. *)
Fixpoint ys (G : nat -> R) y j m := y :: if m is m'.+1 then ys G (plus (reflect j y) (G j) (k_ j)) j.+1 m' else [::].

(** The logits with scale and gate. *)
Definition c_ h t := sum (iota 0 t.+1) (gate_ h).
Definition logits_row h i := let x := xs (q_ h i) i in let c := [seq c_ h t | t <- iota 0 i.+1] in
  [seq scale p * product (at_ x (i - j)) (k_ j) + factor p * (nth 0 c i - nth 0 c j) | j <- iota 0 i.+1].
Definition run_logits := [seq [seq logits_row h i | i <- iota 0 n] | h <- iota 0 g].

(** What one query computes:  (x_it, y_t) for t = 0, ..., i, and dq_i. *)
Definition walk h i := (xs (q_ h i) i, ys (G_ h i) (zeros R d) 0 i.+1).
Definition walks := [seq [seq walk h i | i <- iota 0 n] | h <- iota 0 g].
Definition walk_of (ws : seq (seq (seq (seq R) * seq (seq R)))) h i := nth ([::], [::]) (nth [::] ws h) i.
Definition x_of ws h i t := at_ (walk_of ws h i).1 (i - t).
Definition y_of ws h i t := at_ (walk_of ws h i).2 t.

(** The queries that meet token t. *)
Definition later t := [seq i <- iota 0 n | (t <= i)%N].
Definition run_dq ws := [seq [seq y_of ws h i i.+1 | i <- iota 0 n] | h <- iota 0 g].
Definition run_dk ws := [seq sum_rows d (iota 0 g) (fun h => sum_rows d (later t) (fun i =>
  plus (zeros R d) (G_ h i t) (x_of ws h i t))) | t <- iota 0 n].
Definition run_dw ws := [seq sum_rows d (iota 0 g) (fun h => sum_rows d (later t) (fun i =>
  let x := x_of ws h i t in let y := y_of ws h i t in let w := w_ t in
  plus (plus (zeros R d) (- (beta_ t * product y w)) x) (- (beta_ t * product x w)) y)) | t <- iota 0 n].
Definition run_dbeta ws := [seq sum (iota 0 g) (fun h => sum (later t) (fun i =>
  - (product (x_of ws h i t) (w_ t) * product (y_of ws h i t) (w_ t)))) | t <- iota 0 n].

(** The gradient of the gates: dg_t = sum_{i >= t} dc_i. *)
Definition dc_ h i := sum (iota 0 i.+1) (fun j => factor p * dS_ h i j) -
  sum (later i) (fun j => factor p * dS_ h j i).
Definition run_dg := [seq [seq sum (later t) (dc_ h) | t <- iota 0 n] | h <- iota 0 g].

End Programs.

(** ** They compute the definition *)

Section Correct.
Variables (R : comRingType) (p : problem R).
Local Notation d := (lanes p).
Local Notation n := (tokens p).
Local Notation g := (heads p).
Local Notation row_of := (row_of d).

(** All rows have d numbers. *)
Definition well_formed := [/\ all (all (fun x => size x == d)) (q p), all (fun x => size x == d) (k p) &
  all (fun x => size x == d) (w p)].
Hypothesis wf : well_formed.

Definition segment_of : segment R d g := Segment
  (fun h t => row_of (q_ p h t)) (fun t => row_of (k_ p t)) (fun t => row_of (w_ p t)) (beta_ p).
Definition G_of (h : 'I_g) : 'M[R]_n := \matrix_(i, j) G_ p h i j.
Definition dS_of (h : 'I_g) : 'M[R]_n := \matrix_(i, j) dS_ p h i j.
Local Notation s := segment_of.

Lemma size_at x t : all (fun z : seq R => size z == d) x -> size (at_ d x t) = d.
Proof.
move=> /allP all_d; case: (ltnP t (size x)) => [lt_t|le_t]; first exact/eqP/all_d/mem_nth.
by rewrite /at_ nth_default // size_nseq.
Qed.

Lemma size_q h t : size (q_ p h t) = d.
Proof.
case: wf => /allP all_q _ _; apply: size_at; case: (ltnP h (size (q p))) => [lt_h|le_h]; first exact/all_q/mem_nth.
by rewrite nth_default.
Qed.
Lemma size_k t : size (k_ p t) = d. Proof. by case: wf => _ all_k _; apply: size_at. Qed.
Lemma size_w t : size (w_ p t) = d. Proof. by case: wf => _ _ all_w; apply: size_at. Qed.
Local Hint Resolve size_q size_k size_w size_nseq : core.

Lemma reflectE t z : size z = d -> size (reflect p t z) = d /\ row_of (reflect p t z) = row_of z *m H s t.
Proof.
move=> sz; split; first exact: size_plus.
by rewrite plusE // (SequentialProduct.mulH s) (@productE R d) // scaleNr.
Qed.

Lemma xsE z j m : size z = d -> (m <= j)%N ->
  size (at_ d (xs p z j) (j - m)) = d /\ row_of (at_ d (xs p z j) (j - m)) = row_of z *m prodH s m.+1 j.+1.
Proof.
elim: j z m => [|j IHj] z m sz.
  by rewrite leqn0 => /eqP-> /=; rewrite /prodH descending_nil // mulmx1.
rewrite leq_eqVlt => /orP[/eqP->|]; first by rewrite subnn /prodH descending_nil // mulmx1.
rewrite ltnS => le_mj; rewrite subSn //=; have [sr row_r] := reflectE j.+1 sz.
have [sx row_x] := IHj _ m sr le_mj; split=> //; rewrite [LHS]row_x row_r -mulmxA.
by rewrite /prodH [in RHS]descendingS // ltnS.
Qed.

Lemma ysE (G : nat -> R) m t : (t <= m)%N ->
  size (at_ d (ys p G (zeros R d) 0 m) t) = d /\ row_of (at_ d (ys p G (zeros R d) 0 m) t) = SequentialProduct.y s G t.
Proof.
suff step y j : size y = d -> row_of y = SequentialProduct.y s G j -> (t <= m)%N ->
    size (at_ d (ys p G y j m) t) = d /\ row_of (at_ d (ys p G y j m) t) = SequentialProduct.y s G (j + t).
  by move=> le_tm; apply: (step _ 0%N) => //; rewrite ?size_nseq // row_of_zeros.
elim: m t y j => [|m IHm] [|t] y j sy row_y //=; rewrite ?addn0 // ltnS => le_tm.
have [sr row_r] := reflectE j sy; rewrite addnS -addSn; apply: IHm => //; first exact: size_plus.
by rewrite plusE // row_r (SequentialProduct.mulH s) row_y.
Qed.

Lemma sum_ord (T : zmodType) m (f : nat -> T) : \sum_(i <- iota 0 m) f i = \sum_(i < m) f i.
Proof. by rewrite -(big_mkord xpredT f) /index_iota subn0. Qed.
Lemma sum_later (T : zmodType) t (f : nat -> T) : \sum_(i <- later p t) f i = \sum_(i < n | (t <= i)%N) f i.
Proof. by rewrite big_filter -(big_mkord (leq t) f) /index_iota subn0. Qed.

Lemma double_sum t (f : nat -> nat -> seq R) (F : 'I_g -> 'I_n -> 'rV[R]_d) :
    (forall (h : 'I_g) (i : 'I_n), (t <= i)%N -> size (f h i) = d /\ row_of (f h i) = F h i) ->
  row_of (sum_rows d (iota 0 g) (fun h => sum_rows d (later p t) (f h))) = \sum_h \sum_(i < n | (t <= i)%N) F h i.
Proof.
move=> eqF; have inner (h : 'I_g) : size (sum_rows d (later p t) (f h)) = d /\
    row_of (sum_rows d (later p t) (f h)) = \sum_(i < n | (t <= i)%N) F h i.
  have [|sr ->] := @sum_rowsE R d (later p t) (f h).
    by move=> i; rewrite mem_filter mem_iota add0n => /andP[le_ti /= lt_in]; have [] := eqF h (Ordinal lt_in) le_ti.
  by rewrite sum_later; split=> //; apply: eq_bigr => i /(eqF h)[].
have [|sr ->] := @sum_rowsE R d (iota 0 g) (fun h => sum_rows d (later p t) (f h)).
  by move=> h; rewrite mem_iota add0n /= => lt_hg; have [] := inner (Ordinal lt_hg).
by rewrite sum_ord; apply: eq_bigr => h _; have [] := inner h.
Qed.

Lemma nth_iota_map (T : Type) (x0 : T) (f : nat -> T) m i : (i < m)%N -> nth x0 [seq f t | t <- iota 0 m] i = f i.
Proof. by move=> lt_im; rewrite (nth_map 0%N) ?size_iota // nth_iota. Qed.

Theorem run_logits_correct (h : 'I_g) (i j : nat) : (i < n)%N -> (j <= i)%N ->
  nth 0 (nth [::] (nth [::] (run_logits p) h) i) j =
  Gate.S s (scale p) (factor p) (fun h : 'I_g => gate_ p h) h i j.
Proof.
move=> lt_in le_ji; rewrite !nth_iota_map // /Gate.S /Gate.gate /Gate.c /c_ !sumE !sum_ord; congr (_ * _ + _).
by have [sx row_x] := xsE (size_q h i) le_ji; rewrite (@productE R d) // row_x.
Qed.

(** The rows of the lists are the rows of the gradient; so it is the gradient of all forms. *)
Definition gradient_of : gradient R d g n := let ws := walks p in Gradient
  (fun h => rows (fun t => row_of (nth [::] (nth [::] (run_dq p ws) h) t)) 0 n)
  (rows (fun t => row_of (nth [::] (run_dk p ws) t)) 0 n) (rows (fun t => row_of (nth [::] (run_dw p ws) t)) 0 n)
  (numbers (nth 0 (run_dbeta p ws)) 0 n).

Theorem run_gradient_correct : same gradient_of (SequentialProduct.backward s G_of).
Proof.
have walkE (h : 'I_g) (i : 'I_n) : walk_of (walks p) h i = walk p h i by rewrite /walk_of !nth_iota_map.
have entryG h (i j : 'I_n) : entry (G_of h) i j = G_ p h i j by rewrite entryE mxE.
have x_ofE (h : 'I_g) (i t : 'I_n) : (t <= i)%N ->
    size (x_of p (walks p) h i t) = d /\ row_of (x_of p (walks p) h i t) = SequentialProduct.x s (row_of (q_ p h i)) i t.
  by move=> le_ti; rewrite /x_of walkE; apply: xsE.
have eq_y h (i : 'I_n) (m : nat) : (m <= n)%N ->
    SequentialProduct.y s (entry (G_of h) i) m = SequentialProduct.y s (G_ p h i) m.
  elim: m => //= m IHm lt_mn; rewrite IHm ?(ltnW lt_mn) //.
  by rewrite -[m]/(nat_of_ord (Ordinal lt_mn)) entryG.
have y_ofE (h : 'I_g) (i : 'I_n) t : (t <= i.+1)%N ->
    size (y_of p (walks p) h i t) = d /\ row_of (y_of p (walks p) h i t) = SequentialProduct.y s (entry (G_of h) i) t.
  move=> le_ti; rewrite eq_y ?(leq_trans le_ti) //; rewrite /y_of walkE; exact: ysE.
split=> [h|||] /=.
- by apply/row_matrixP => i; rewrite !rowK add0n !nth_iota_map //; have [] := y_ofE h i i.+1 (leqnn _).
- apply/row_matrixP => t; rewrite !rowK add0n !nth_iota_map //; apply: double_sum => h i le_ti.
  have [sx row_x] := x_ofE h i t le_ti; split; first by apply: size_plus; rewrite ?size_nseq.
  by rewrite plusE ?size_nseq // row_of_zeros add0r row_x -entryG.
- apply/row_matrixP => t; rewrite !rowK add0n !nth_iota_map //; apply: double_sum => h i le_ti.
  have [sx row_x] := x_ofE h i t le_ti; have [sy row_y] := y_ofE h i t (leqW le_ti).
  split; first by do 2!apply: size_plus => //; rewrite ?size_nseq.
  rewrite plusE //; last by apply: size_plus => //; rewrite size_nseq.
  rewrite plusE ?size_nseq // row_of_zeros add0r row_x row_y !(@productE R d) // row_x row_y.
  by rewrite !scaleNr -opprD /SequentialProduct.dw scalerDr !scalerA.
- apply/rowP => t; rewrite !mxE add0n !nth_iota_map // sumE sum_ord; apply: eq_bigr => h _.
  rewrite sumE sum_later; apply: eq_bigr => i le_ti.
  have [sx row_x] := x_ofE h i t le_ti; have [sy row_y] := y_ofE h i t (leqW le_ti).
  by rewrite !(@productE R d) // row_x row_y.
Qed.

Theorem run_dg_correct (h : 'I_g) (t : nat) : (t < n)%N ->
  nth 0 (nth [::] (run_dg p) h) t = Gate.dg (factor p) (dS_of h) t.
Proof.
move=> lt_tn; rewrite !nth_iota_map // sumE sum_later; apply: eq_bigr => i _.
rewrite /dc_ /Gate.dc !sumE sum_later sum_ord; congr (_ - _).
  rewrite (big_ord_widen n (fun j => factor p * dS_ p h i j) (ltn_ord i)) big_mkcond.
  by apply: eq_bigr => j _; rewrite !mxE ltnS; case: ifP; rewrite ?mulr0.
by rewrite big_mkcond; apply: eq_bigr => j _; rewrite !mxE; case: ifP; rewrite ?mulr0.
Qed.

End Correct.

End Lists.
