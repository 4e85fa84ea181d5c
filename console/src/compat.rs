//! Policies in the words of other products. The only place of the console that names single policies.

pub mod client_control;
