"""The proofs in full: what ``make prove`` runs, resumably."""
