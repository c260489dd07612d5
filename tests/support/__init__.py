"""What the tests share: trees as values, manifests of trees, a generator of messy trees."""
