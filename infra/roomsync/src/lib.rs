#![doc = include_str!("../README.md")]

pub mod book;
pub mod changes;
pub mod cli;
pub mod place;
pub mod resync;
pub mod run;
pub mod show;
pub mod status;
pub mod tenants;
pub mod words;

pub use tenants::{Applied, Effect, TenantError, TenantPlan, apply_tenant};
