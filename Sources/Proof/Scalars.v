(** * Bookkeeping of scalars, by Coq's own decision procedure for commutative rings *)

From Coq Require Import Ring.
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Scalars.
Variable R' : comRingType.
Local Notation R := (GRing.ComRing.ringType R').

(** Coq's decision procedure, told of R. *)
Lemma ring_of_R : @ring_theory R 0 1 +%R *%R (fun a b => a - b) -%R eq.
Proof.
split=> //; [exact: add0r | exact: addrC | exact: addrA | exact: mul1r | exact: mulrC | exact: mulrA |
             exact: mulrDl | exact: subrr].
Qed.
Add Ring ring_of_R : ring_of_R.

(** The step of the sequential backward: x, k, w name products of their differentials. *)
Lemma chain_step (xy xw xk wx wy kx b db us ss g sum : R) :
  (xy - ((db * us + b * (xw + wx)) * ss + b * us * wy) + sum + g * (xk + kx) : R) =
  xy - b * ss * xw + g * xk + (sum + (g * kx - b * (ss * wx + us * wy) + db * - (us * ss))).
Proof. ring. Qed.

(** The same step for entries of outer products. *)
Lemma symmetry_step (xa wa ka xc yc wc kc b ss us g sum : R) :
  (xa * (yc - b * ss * wc + g * kc) + (sum + (ka * (g * xc) + wa * - (b * (ss * xc + us * yc)))) : R) =
  (xa - b * us * wa) * yc + sum + (g * (xa * kc + ka * xc) - b * ss * (xa * wc + wa * xc)).
Proof. ring. Qed.

(** The terms of the compact-WY backward, by what they belong to: k, w, beta. *)
Lemma collect_compact (k1 k2 w1 w2 w3 w4 b1 b2 : R) :
  (k1 + (w1 + (w2 + k2 + b1 + (b2 + (w3 + w4)))) : R) = k1 + k2 + (w1 + (w2 + (w3 + w4)) + (b1 + b2)).
Proof. ring. Qed.

(** The terms of one query head in a block: q, k, w, Z, U. *)
Lemma collect_queries (q1 q2 q3 k w x1 x2 z u : R) : x1 + x2 = q2 + w ->
  (q1 + k + (x1 + z) + (q3 + (x2 + u)) : R) = q1 + q2 + q3 + k + w + z + u.
Proof.
move=> /(canRL (addrK _))->.
match goal with |- @eq _ ?l ?r => change ((l : R) = r) end; ring.
Qed.

(** The terms of the key side of a block: k, w, beta. *)
Lemma collect_keys (z u z2 u2 k1 k2 k3 w1 w2 w3 w4 w4' w5 w6 b1 b2 b3 e1 e2 : R) :
    z + z2 = w2 + k2 + b1 + e1 -> u + u2 = w3 + b2 + e2 -> e1 + e2 = b3 + (w4 + w4') ->
  (k1 + w1 + z + u + k3 + z2 + w5 + w6 + u2 : R) =
  k1 + k2 + k3 + w1 + w2 + w3 + w4 + w4' + w5 + w6 + b1 + b2 + b3.
Proof.
move=> /(canRL (addrK _))-> /(canRL (addrK _))-> /(canRL (addrK _))->.
match goal with |- @eq _ ?l ?r => change ((l : R) = r) end; ring.
Qed.

(** The terms of two runs folded into one, and of a walk's step. *)
Lemma collect_fold (l r2 r l2 r3 : R) : (l + r2 + r + (r3 + l2) : R) = l + l2 + (r + (r3 + r2)).
Proof. ring. Qed.
Lemma collect_step (x c t x2 k : R) : (x + c + t + (x2 + k) : R) = x + x2 + (k + c + t).
Proof. ring. Qed.

(** The terms of the softmax's backward for one key: P (v - c + lse) and what it is paired with. *)
Lemma collect_softmax (l p s v v' c lse : R) :
  (l * p * (s * v + v') - l * p * s * c + lse * (l * p * s) : R) = l * (p * (v - c + lse) * s) + l * (p * v').
Proof. ring. Qed.

End Scalars.
