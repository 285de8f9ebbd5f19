(** * Decoding and prefill: the keys of the cache, carried to the present *)

From mathcomp Require Import all_ssreflect all_algebra.
From Path Require Import Matrices Logits Forms.UTTransform Forms.CompactWY Forms.Blockwise.Block.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Module KeyCache.

Section KeyCache.
Variables (R : comRingType) (d g : nat) (s : segment R d g).

(** Key j in the cache after n tokens.  When token t arrives, every key that is there becomes k_j H_t, and k_t is put
    beside them as it is. *)
Fixpoint cached n j : 'rV[R]_d := if n is t.+1 then if j == t then k s t else cached t j *m H s t else 0.

(** The cache after n tokens as a matrix. *)
Definition cache n : 'M[R]_(n, d) := rows (cached n) 0 n.

Lemma trH t : (H s t)^T = H s t.
Proof. by rewrite /H linearB /= linearZ /= trmx_mul trmxK trmx1. Qed.

(** It is H_{n-1} ... H_{j+1} k_j^T, as a row. *)
Theorem cachedE n j : (j < n)%N -> cached n j = (prodH s j.+1 n *m (k s j)^T)^T.
Proof.
elim: n => // t IHt; rewrite ltnS leq_eqVlt /=; case: eqP => [-> _|_ /= lt_jt].
  by rewrite /prodH descending_nil // mul1mx trmxK.
by rewrite IHt // /prodH descendingS // -[in RHS]mulmxA [in RHS]trmx_mul trH.
Qed.

(** Decoding: the logits of query t are plain products with the cache after token t. *)
Theorem decoding h t j : (j <= t)%N -> (q s h t *m (cached t.+1 j)^T) 0 0 = logit s h t j.
Proof. by move=> le_jt; rewrite cachedE // trmxK mulmxA. Qed.

(** Prefill: m tokens at once, after a.  Old keys become K^ R^T, the new ones are K^ of their block. *)
Theorem prefill a m : rows (cached (a + m)) 0 (a + m) =
  col_mx (cache a *m (Block.carry (W s a m) (b s a m))^T) (Block.Khat (K s a m) (W s a m) (b s a m)).
Proof.
apply/row_matrixP => t; rewrite rowK add0n cachedE //; case: (split_ordP t) => j -> /=.
  rewrite rowKu row_mul rowK add0n cachedE // (Block.carry_product s) -trmx_mul mulmxA /prodH.
  by rewrite -descending_cat ?leq_addr.
by rewrite rowKd Block.Khat_row.
Qed.

(** The logits of the new queries with the old keys:  A = Q~ K^^T.  (Those among the new ones are compact WY's.) *)
Theorem prefill_logits h a m (i : 'I_m) (j : 'I_a) :
  (Block.Qtilde (Q s h a m) (W s a m) (b s a m) *m (cache a)^T) i j = logit s h (a + i) j.
Proof.
have -> : (Block.Qtilde (Q s h a m) (W s a m) (b s a m) *m (cache a)^T) i j =
    (row i (Block.Qtilde (Q s h a m) (W s a m) (b s a m)) *m (row j (cache a))^T) 0 0.
  by rewrite !mxE; apply: eq_bigr => x _; rewrite !mxE.
rewrite Block.Qtilde_row rowK add0n cachedE // trmxK /logit !mulmxA -(mulmxA (q s h _)) /prodH.
by rewrite -descending_cat // leqW ?leq_addr.
Qed.

End KeyCache.

End KeyCache.
