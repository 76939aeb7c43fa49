//! What every law owes.
