//! flintd: the server that manages Flint's clients. Signed policies over HTTPS, the administrators' console, and
//! components of the organisation's XMPP server: policy push, Client Control, workgroups.

pub mod admin;
pub mod api;
pub mod auth;
pub mod compat;
pub mod component;
pub mod config;
pub mod control;
pub mod files;
pub mod log;
pub mod metrics;
pub mod pages;
pub mod policy;
pub mod run;
pub mod server;
pub mod stop;
pub mod store;
pub mod time;

pub use run::run;
