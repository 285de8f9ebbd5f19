(** * What the theorems rest on

    Each line below makes Coq say which axioms a theorem uses. `.ci/proof` fails unless the answer is none for all of them. *)

From Path Require Import Logits Forms.SequentialProduct Forms.UTTransform Forms.CompactWY Forms.Blockwise.Block.

Print Assumptions SequentialProduct.gradient_correct.
Print Assumptions UTTransform.T_unique.
Print Assumptions UTTransform.ut_transform.
Print Assumptions CompactWY.forward_correct.
Print Assumptions CompactWY.gradient_correct.
Print Assumptions Block.Qtilde_row.
Print Assumptions Block.Khat_row.
Print Assumptions Block.carry_product.
Print Assumptions Block.backward_correct.
