(** * What is to be computed: the logits of a segment, and what their gradient is

    Vectors are rows.  A segment is a sequence of tokens 0, 1, 2, ...; of those that are computed, there are n.  g query heads
    read one key/value head: they share k, w and beta, and differ in q.  The ring R of numbers is any commutative ring. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Differentials.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(** ** Forward *)

(** Token t has a query q_t for each head h, a key k_t, a reflection vector w_t (rows of length d), and a number beta_t. *)
Record segment (R : comRingType) (d g : nat) := Segment {
  q : 'I_g -> nat -> 'rV[R]_d;
  k : nat -> 'rV[R]_d;
  w : nat -> 'rV[R]_d;
  beta : nat -> R
}.

Section Forward.
Variables (R : comRingType) (d g : nat) (s : segment R d g).

(** H_t = 1 - beta_t w_t^T w_t *)
Definition H t : 'M[R]_d := 1%:M - beta s t *: ((w s t)^T *m w s t).

(** prodH lo hi = H_{hi-1} ... H_{lo+1} H_lo *)
Definition prodH lo hi : 'M[R]_d := descending H lo hi.

(** A_ij = q_i H_i H_{i-1} ... H_{j+1} k_j^T,  j <= i *)
Definition logit h i j : R := (q s h i *m prodH j.+1 i.+1 *m (k s j)^T) 0 0.

(** The logits of the n tokens from a on, with zeros above the diagonal. *)
Definition logits h a n : 'M[R]_n := \matrix_(i, j) if (j <= i)%N then logit h (a + i) (a + j) else 0.

(** The tokens a, ..., a+n-1 as matrices, one row for each token; the numbers beta as one row. *)
Definition Q h a n : 'M[R]_(n, d) := rows (q s h) a n.
Definition K a n : 'M[R]_(n, d) := rows (k s) a n.
Definition W a n : 'M[R]_(n, d) := rows (w s) a n.
Definition b a n : 'rV[R]_n := numbers (beta s) a n.

End Forward.

(** ** Backward *)

(** A gradient of n tokens: dQ for each query head, dK, dW and dbeta. *)
Record gradient (R : comRingType) (d g n : nat) := Gradient {
  dQ : 'I_g -> 'M[R]_(n, d);
  dK : 'M[R]_(n, d);
  dW : 'M[R]_(n, d);
  dbeta : 'rV[R]_n
}.

Section Backward.
Variables (R : comRingType) (d g : nat).

(** Two gradients are equal, as matrices. *)
Definition same n (x y : gradient R d g n) : Prop :=
  [/\ forall h, dQ x h = dQ y h, dK x = dK y, dW x = dW y & dbeta x = dbeta y].

(** <dQ, Q'> + <dK, K'> + <dW, W'> + <dbeta, b'> for the n tokens of s' from a on. *)
Definition pairing n (x : gradient R d g n) (s' : segment R d g) a : R :=
  \sum_h ip (dQ x h) (Q s' h a n) + ip (dK x) (K s' a n) + ip (dW x) (W s' a n) + ip (dbeta x) (b s' a n).

(** All inputs of s, moved in the direction s'. *)
Definition along (s s' : segment R d g) : segment [comRingType of {poly R}] d g := Segment
  (fun h t => line_row (q s h t) (q s' h t)) (fun t => line_row (k s t) (k s' t))
  (fun t => line_row (w s t) (w s' t)) (fun t => line (beta s t) (beta s' t)).

(** x is the gradient of sum_h <G_h, A_h>: in every direction, the derivative is the pairing with x. *)
Definition is_gradient (s : segment R d g) n (G : 'I_g -> 'M[R]_n) (x : gradient R d g n) : Prop :=
  forall s', \sum_h \sum_i \sum_j G h i j * slope (logits (along s s') h 0 n i j) = pairing x s' 0.

End Backward.

(** ** There is only one gradient *)

Section Unique.
Variables (R : comRingType) (d g n : nat).

Definition token_row d' m (P : 'M[R]_(m, d')) t : 'rV[R]_d' := if insub t is Some i then row i P else 0.
Definition token_number m (v : 'rV[R]_m) t : R := if insub t is Some i then v 0 i else 0.

Lemma rows_token d' m (P : 'M[R]_(m, d')) : rows (token_row P) 0 m = P.
Proof. by apply/row_matrixP => i; rewrite rowK add0n /token_row valK. Qed.
Lemma numbers_token m (v : 'rV[R]_m) : numbers (token_number v) 0 m = v.
Proof. by apply/rowP => i; rewrite mxE add0n /token_number valK. Qed.

Lemma pairing_inj (x y : gradient R d g n) : (forall s', pairing x s' 0 = pairing y s' 0) -> same x y.
Proof.
move=> eq_xy.
have try (Qh : 'I_g -> 'M[R]_(n, d)) (Kh Wh : 'M[R]_(n, d)) (bh : 'rV[R]_n) :=
  eq_xy (Segment (fun h => token_row (Qh h)) (token_row Kh) (token_row Wh) (token_number bh)).
split=> [h|||].
- apply: ip_inj => P; have := try (fun h' => if h' == h then P else 0) 0 0 0.
  rewrite /pairing /Q /K /W /b /= !rows_token !numbers_token !ip0r !addr0.
  rewrite (bigD1 h) //= rows_token eqxx big1 ?addr0 => [->|h' /negPf ne]; last by rewrite rows_token ne ip0r.
  by rewrite (bigD1 h) //= rows_token eqxx big1 ?addr0 // => h' /negPf ne; rewrite rows_token ne ip0r.
- apply: ip_inj => P; have := try (fun=> 0) P 0 0; rewrite /pairing /Q /K /W /b /= !rows_token !numbers_token !ip0r !addr0.
  by rewrite !big1 ?add0r // => h _; rewrite ip0r.
- apply: ip_inj => P; have := try (fun=> 0) 0 P 0; rewrite /pairing /Q /K /W /b /= !rows_token !numbers_token !ip0r !addr0.
  by rewrite !big1 ?add0r // => h _; rewrite ip0r.
- apply: ip_inj => P; have := try (fun=> 0) 0 0 P; rewrite /pairing /Q /K /W /b /= !rows_token !numbers_token !ip0r !addr0.
  by rewrite !big1 ?add0r // => h _; rewrite ip0r.
Qed.

Theorem gradient_unique (s : segment R d g) (G : 'I_g -> 'M[R]_n) (x y : gradient R d g n) :
  is_gradient s G x -> is_gradient s G y -> same x y.
Proof. by move=> gx gy; apply: pairing_inj => s'; rewrite -gx -gy. Qed.

End Unique.

(** ** Homomorphisms and differentials of segments and gradients *)

Section Map.
Variables (S R : comRingType) (d g : nat) (f : S -> R).

Definition map_segment (s : segment S d g) : segment R d g := Segment
  (fun h t => map_mx f (q s h t)) (fun t => map_mx f (k s t)) (fun t => map_mx f (w s t)) (fun t => f (beta s t)).
Definition map_gradient n (x : gradient S d g n) : gradient R d g n :=
  Gradient (fun h => map_mx f (dQ x h)) (map_mx f (dK x)) (map_mx f (dW x)) (map_mx f (dbeta x)).

End Map.

(** r is s after the homomorphism f, token by token. *)
Definition image (S R : comRingType) d g (f : S -> R) (s : segment S d g) (r : segment R d g) : Prop :=
  [/\ forall h t, map_mx f (q s h t) = q r h t, forall t, map_mx f (k s t) = k r t,
      forall t, map_mx f (w s t) = w r t & forall t, f (beta s t) = beta r t].

Section Image.
Variables (S R : comRingType) (d g : nat) (f : {rmorphism S -> R}) (s : segment S d g) (r : segment R d g).
Hypothesis im : image f s r.

Lemma map_Q h a n : map_mx f (Q s h a n) = Q r h a n.
Proof. by have [eqq _ _ _] := im; apply/row_matrixP => i; rewrite -map_row !rowK. Qed.
Lemma map_K a n : map_mx f (K s a n) = K r a n.
Proof. by have [_ eqk _ _] := im; apply/row_matrixP => i; rewrite -map_row !rowK. Qed.
Lemma map_W a n : map_mx f (W s a n) = W r a n.
Proof. by have [_ _ eqw _] := im; apply/row_matrixP => i; rewrite -map_row !rowK. Qed.
Lemma map_b a n : map_mx f (b s a n) = b r a n.
Proof. by have [_ _ _ eqb] := im; apply/rowP => i; rewrite !mxE. Qed.
Lemma map_H t : map_mx f (H s t) = H r t.
Proof. by have [_ _ eqw eqb] := im; rewrite /H map_mxB map_mx1 map_mxZ map_mxM map_tr eqw eqb. Qed.
Lemma map_prodH lo hi : map_mx f (prodH s lo hi) = prodH r lo hi.
Proof. by rewrite /prodH map_descending; elim: hi => //= t ->; rewrite map_H. Qed.
Lemma map_pairing n (x : gradient S d g n) a : f (pairing x s a) = pairing (map_gradient f x) r a.
Proof.
rewrite /pairing !rmorphD rmorph_sum !map_ip map_K map_W map_b; congr (_ + _ + _ + _).
by apply: eq_bigr => h _; rewrite map_ip map_Q.
Qed.

End Image.

(** ** How the gradient of a form is shown to be the gradient

    The form's backward formulas, over the ring of polynomials, give the derivative of <G, A>; and they are the same formulas
    before and after setting 'X to 0. *)

Section Gradients.
Variables (R : comRingType) (d g n : nat).

Lemma image_along (s s' : segment R d g) : image (at0_morphism R) (along s s') s.
Proof. by split=> *; rewrite /= ?at0_line_row ?at0_line. Qed.
Lemma image_slope (s s' : segment R d g) : image (at0_morphism R) (map_segment (deriv (R:=R)) (along s s')) s'.
Proof. by split=> *; rewrite /= ?slope_line_row ?[LHS]slope_line. Qed.

Definition const (G : 'I_g -> 'M[R]_n) : 'I_g -> 'M[{poly R}]_n := fun h => map_mx polyC (G h).
Lemma at0_const (G : 'I_g -> 'M[R]_n) h : map_mx (at0_morphism R) (const G h) = G h.
Proof. by apply/matrixP => i j; rewrite !mxE /= /at0 hornerC. Qed.

Lemma is_gradient_from (s : segment R d g) (G : 'I_g -> 'M[R]_n) (x : gradient R d g n)
    (xline : segment R d g -> gradient [comRingType of {poly R}] d g n) :
  (forall s', \sum_h ip (const G h) (map_mx (deriv (R:=R)) (logits (along s s') h 0 n)) =
    pairing (xline s') (map_segment (deriv (R:=R)) (along s s')) 0) ->
  (forall s', same (map_gradient (at0_morphism R) (xline s')) x) -> is_gradient s G x.
Proof.
move=> Dx at0_x s'; have := congr1 (at0_morphism R) (Dx s').
rewrite (map_pairing (image_slope s s')) rmorph_sum => eqD.
transitivity (pairing (map_gradient (at0_morphism R) (xline s')) s' 0).
  rewrite -eqD; apply: eq_bigr => h _; rewrite map_ip; apply: eq_bigr => i _; apply: eq_bigr => j _.
  by rewrite at0_const !mxE.
by have [eqQ eqK eqW eqb] := at0_x s'; rewrite /pairing eqK eqW eqb; congr (_ + _ + _ + _); apply: eq_bigr => h _; rewrite eqQ.
Qed.

End Gradients.
