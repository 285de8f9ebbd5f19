(** * Computes the cases and prints them, case by case *)

From Coq Require Import String.
From mathcomp Require Import all_ssreflect.
From Path Require Import Computation.Cases.
Import Cases.

Local Open Scope string_scope.
Set Printing Depth 1000000.

Ltac print texts := lazymatch texts with ?text :: ?rest => idtac text; print rest | _ => idtac end.

Goal True.
let texts := eval vm_compute in (map text cases) in print texts.
Abort.
