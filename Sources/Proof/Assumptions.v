(** * What the theorems rest on

    Each line below makes Coq say which axioms a theorem uses. `.ci/proof` fails unless the answer is none for all of them. *)

From Path Require Import Logits Forms.SequentialProduct Forms.UTTransform Forms.CompactWY Forms.Blockwise.Block.
From Path Require Import Forms.Blockwise.FoldedKeys Forms.Blockwise.Blockwise Identities.
From Path Require Import Softmax.Gate Softmax.OnlineSoftmax Cache.KeyCache Theorems Computation.Lists Computation.Cases.

Print Assumptions Theorems.forms_equal.
Print Assumptions Theorems.gradients_equal.
Print Assumptions Theorems.attention_correct.

Print Assumptions Logits.gradient_unique.
Print Assumptions SequentialProduct.gradient_correct.
Print Assumptions UTTransform.T_unique.
Print Assumptions UTTransform.ut_transform.
Print Assumptions CompactWY.forward_correct.
Print Assumptions CompactWY.gradient_correct.
Print Assumptions Block.Qtilde_row.
Print Assumptions Block.Khat_row.
Print Assumptions Block.carry_product.
Print Assumptions Block.backward_correct.
Print Assumptions FoldedKeys.longest_runs_cover.
Print Assumptions FoldedKeys.unfold_add.
Print Assumptions Blockwise.walk_correct.
Print Assumptions Blockwise.forward_correct.
Print Assumptions Blockwise.gradient_correct.
Print Assumptions Blockwise.gradient_correct_levels.
Print Assumptions Identities.w_dot_dw.
Print Assumptions Identities.first_zero.
Print Assumptions Identities.gradient_symmetric.
Print Assumptions Identities.group_sum.
Print Assumptions Gate.gate_interval.
Print Assumptions Gate.conventions.
Print Assumptions Gate.gate_gradient.
Print Assumptions Gate.dg_first.
Print Assumptions Gate.gradient_correct.
Print Assumptions OnlineSoftmax.online_correct.
Print Assumptions OnlineSoftmax.lse_correct.
Print Assumptions OnlineSoftmax.backward_correct.
Print Assumptions KeyCache.cachedE.
Print Assumptions KeyCache.decoding.
Print Assumptions KeyCache.prefill.
Print Assumptions KeyCache.prefill_logits.
Print Assumptions Lists.run_logits_correct.
Print Assumptions Lists.run_gradient_correct.
Print Assumptions Lists.run_dg_correct.
Print Assumptions Cases.cases_well_formed.
