(** * What the theorems rest on

    Each line below makes Coq say which axioms a theorem uses. `.ci/proof` fails unless the answer is none for all of them. *)

From Path Require Import Logits Forms.SequentialProduct Forms.UTTransform Forms.CompactWY Forms.Blockwise.Block Forms.Blockwise.FoldedKeys
  Forms.Blockwise.Blockwise.

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
