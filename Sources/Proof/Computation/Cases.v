(** * The cases on which the definition is computed, and what is written of them

    Worked examples, and problems made from small random fractions. *)

From Coq Require Import ZArith NArith QArith Qcanon String DecimalString.
From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Computation.Lists Computation.Rationals.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Lists Rationals.

Module Cases.

Notation number := Qc.
Definition frac (a : Z) (c : positive) : number := Q2Qc (a # c).
Definition int (a : Z) : number := frac a 1.
Local Notation "[/ a , c ]" := (frac a c) (at level 0).

(** ** The worked examples *)

Definition two_tokens : problem rational_comRingType := {|
  heads := 1; tokens := 2; lanes := 2; scale := int 1; factor := int 1; gates := [::];
  q := [:: [:: [:: int 1; int 0]; [:: int 1; int 2]]]; k := [:: [:: int 2; int 1]; [:: int 1; int 1]];
  w := [:: [:: int 0; int 1]; [:: [/ 3, 5]; [/ 4, 5]]]; beta := [:: int 1; int 2];
  dS := [:: [:: [:: int 0]; [:: int 1; int 0]]] |}.

Definition three_tokens scale factor gates : problem rational_comRingType := {|
  heads := 1; tokens := 3; lanes := 2; scale := scale; factor := factor; gates := gates;
  q := [:: [:: [:: int 1; int 0]; [:: int 1; int 2]; [:: int 2; int (-1)]]];
  k := [:: [:: int 2; int 1]; [:: int 1; int 1]; [:: int 1; int (-1)]];
  w := [:: [:: int 0; int 1]; [:: [/ 3, 5]; [/ 4, 5]]; [:: int 1; int 0]]; beta := [:: int 1; int 2; [/ 3, 2]];
  dS := [:: [:: [:: int 1]; [:: int 2; int (-1)]; [:: [/ 1, 2]; int 3; int 1]]] |}.
Definition three_gates := [:: [:: int (-1); [/ -1, 2]; [/ -1, 4]]].

Definition one_carry : problem rational_comRingType := {|
  heads := 1; tokens := 5; lanes := 2; scale := int 1; factor := int 1; gates := [::];
  q := [:: [:: [:: int 0; int 0]; [:: int 0; int 0]; [:: int 0; int 0]; [:: int 0; int 0]; [:: int 1; int 3]]];
  k := [:: [:: int 1; int 2]; [:: int 0; int 1]; [:: int 1; int (-1)]; [:: int 2; int 0]; [:: int 1; int 1]];
  w := [:: [:: [/ 3, 5]; [/ 4, 5]]; [:: [/ 5, 13]; [/ 12, 13]]; [:: [/ -4, 5]; [/ 3, 5]];
    [:: [/ 8, 17]; [/ 15, 17]]; [:: [/ 3, 5]; [/ -4, 5]]];
  beta := [:: int 1; int 2; [/ 1, 2]; [/ 3, 2]; [/ 5, 4]];
  dS := [:: [:: [:: int 0]; [:: int 0; int 0]; [:: int 0; int 0; int 0]; [:: int 0; int 0; int 0; int 0];
    [:: int 1; int (-2); int 3; int 1; int 2]]] |}.

(** ** Random problems *)

(** A number below m from a seed and a place: a linear congruential generator, with the high bits mixed into the low ones. *)
Definition step (x : N) : N := let y := N.land (x * 6364136223846793005 + 1442695040888963407) 18446744073709551615 in
  N.lxor y (N.shiftr y 29).
Definition random (seed place m : N) : N :=
  N.modulo (N.shiftr (step (step (step (seed * 1048576 + place)))) 33) m.

(** a/c with |a| <= 4 and c <= 3 *)
Definition random_fraction seed place : number :=
  frac (Z.of_N (random seed (2 * place) 9) - 4) (N.succ_pos (random seed (2 * place + 1) 3)).
Definition table (f : nat -> number) rows columns : seq (seq number) :=
  [seq [seq f (t * columns + i)%N | i <- iota 0 columns] | t <- iota 0 rows].

(** Case number x: up to 7 tokens, 3 lanes and 2 heads.  In every fifth all reflections are projections (beta |w|^2 = 1), which
    cannot be undone; in every third there is no gate. *)
Definition random_problem x : problem rational_comRingType :=
  let f kind place := random_fraction (N.of_nat x) (N.add (N.mul 1000 (N.of_nat kind)) (N.of_nat place)) in
  let n := (1 + x %% 7)%N in let d := (1 + x %% 3)%N in let g := (1 + (x %/ 3) %% 2)%N in
  let scale := frac 1 (N.succ_pos (random (N.of_nat x) 9999 3)) in {|
  heads := g; tokens := n; lanes := d; scale := scale;
  factor := if (x %% 4 < 2)%N then scale else int 1;
  gates := if x %% 3 == 0%N then [::] else table (f 1%N) g n;
  q := [seq table (fun place => f 2%N (100 * h + place)%N) n d | h <- iota 0 g];
  k := table (f 3%N) n d;
  w := if x %% 5 == 0%N then [seq [seq (if i == (t %% d)%N then int 1 else int 0) | i <- iota 0 d] | t <- iota 0 n]
    else table (f 4%N) n d;
  beta := if x %% 5 == 0%N then nseq n (int 1) else [seq f 5%N t | t <- iota 0 n];
  dS := [seq [seq [seq f 6%N (100 * h + 10 * i + j)%N | j <- iota 0 i.+1] | i <- iota 0 n] | h <- iota 0 g] |}.

Definition cases : seq (problem rational_comRingType) := [:: two_tokens; three_tokens (int 1) (int 1) [::];
  three_tokens [/ 1, 2] [/ 1, 2] three_gates; three_tokens [/ 1, 2] (int 1) three_gates; one_carry] ++
  [seq random_problem x | x <- iota 0 60].

(** The theorems of Lists.v hold of them all. *)
Lemma cases_well_formed : all (fun p : problem _ => [&& all (all (fun x => size x == lanes p)) (q p),
  all (fun x => size x == lanes p) (k p) & all (fun x => size x == lanes p) (w p)]) cases.
Proof. by vm_compute. Qed.

(** ** Text *)

Local Open Scope string_scope.

Definition digits (a : Z) : string := NilZero.string_of_int (Z.to_int a).
Definition fraction (x : number) : string :=
  if Qden x is xH then digits (Qnum x) else digits (Qnum x) ++ "/" ++ digits (Zpos (Qden x)).
Definition words (xs : seq number) : string := foldr (fun x text => " " ++ fraction x ++ text) "" xs.
Definition line name xs : string := name ++ words xs ++ "
".
Definition natural m : number := int (Z.of_nat m).

(** One line for each thing, all its numbers in order: heads, then tokens, then lanes. *)
Definition text (p : problem rational_comRingType) : string := let ws := walks p in
  line "case" [:: natural (heads p); natural (tokens p); natural (lanes p)] ++
  line "scale" [:: scale p] ++ line "factor" [:: factor p] ++
  line "q" (flatten (flatten (q p))) ++ line "k" (flatten (k p)) ++ line "w" (flatten (w p)) ++
  line "beta" (beta p) ++ line "g" (flatten (gates p)) ++ line "dS" (flatten (flatten (dS p))) ++
  line "S" (flatten (flatten (run_logits p))) ++
  line "dq" (flatten (flatten (run_dq p ws))) ++ line "dk" (flatten (run_dk p ws)) ++
  line "dw" (flatten (run_dw p ws)) ++ line "dbeta" (run_dbeta p ws) ++
  line "dg" (if nilp (gates p) then [::] else flatten (run_dg p)).

End Cases.
