//! flint-policy.

/// Every policy with the value in force and where it comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EffectivePolicy {}
