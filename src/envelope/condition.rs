//! What is left of the satellite as it was built, and how far its forecast can be trusted.
//!
//! | share | acts on | is known |
//! |---|---|---|
//! | array | what the array gives | by the state at once, by the forecast from its next renewal on |
//! | radiator | what the radiator emits and what it absorbs; its heat capacity stays on board | the same |
//! | compute | the power that the installed compute may draw | by the limits at once |
//! | forecast | the array in the forecast, over the array as it flies | by nobody |
//!
//! So a spacecraft knows what its own sensors show, and plans by its model until telemetry has renewed the model,
//! eight times an orbit. A condition that is set before the first step is known from the start.

use serde::{Deserialize, Serialize};

/// Shares of what the profile says. Finite and at least 0; the radiator over 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Of the array's power.
    pub array: f64,
    /// Of the radiator's area.
    pub radiator: f64,
    /// Of the installed compute.
    pub compute: f64,
    /// The array as forecast over the array as flown.
    pub forecast: f64,
}

impl Condition {
    /// As built, and foreseen as it is.
    pub const SOUND: Condition = Condition { array: 1.0, radiator: 1.0, compute: 1.0, forecast: 1.0 };
}
