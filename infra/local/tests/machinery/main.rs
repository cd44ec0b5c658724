//! The machinery of `cargo local` with real processes: a tiny Lambda (`examples/echo.rs`) and the real emulator.

mod gateway;
mod host;
mod pump;
mod support;
