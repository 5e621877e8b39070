//! The envelope: the simulated spacecraft, and what it allows now and can foresee.
//!
//! Pure: time is an argument, so a year flies in a test. A [`Spacecraft`] is a satellite profile scaled to the
//! test machine ([`Scale`]); from then on everything is in machine watts and on the machine's clock: at s = 0.0035
//! a 100 kW satellite supplies 350 W, and at k = 50 its orbit of 5871 s passes in 117 s. Temperatures, charge and
//! efficiencies are those of the full-size satellite.
//!
//! ```text
//!   sun ──> orbit ──> shadow ──> array ──┐
//!                                        ├──> bus ──> battery            (charge)
//!   measured compute watts ──────────────┤
//!                                        └──> junction ──> loop ──> radiator ──> space   (heat)
//!   results in bits ─────────────────────────> link                                       (bits)
//! ```

mod battery;
mod forecast;
mod scale;
mod spacecraft;
mod thermal;

pub use battery::{Battery, BatteryFlow};
pub use forecast::{Forecast, Outlook};
pub use scale::Scale;
pub use spacecraft::{Limits, Sky, Spacecraft, State};
pub use thermal::{Temperatures, Thermal};
