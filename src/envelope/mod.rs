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
//!
//! [`Spacecraft::step`] moves all of it. Beside it stand the [`Ledger`] of every joule, the [`Breaches`] of every limit,
//! the [`Forecast`] of the orbit ahead, and what [`Shown`] derives from a profile on one date.

mod array;
mod battery;
mod breach;
mod condition;
mod derived;
mod forecast;
mod ledger;
mod link;
mod orbit;
mod radiator;
mod scale;
mod season;
mod shadow;
mod spacecraft;
mod state;
mod sun;
mod thermal;

pub use array::{RATED_CELL_K, Sunlight, cell_temperature, full_sun};
pub use battery::{Battery, BatteryFlow};
pub use breach::{
    Breaches, Brownout, CHARGE_TOLERANCE, ENERGY_TOLERANCE, KELVIN_TOLERANCE, OverTemperature, UnderCharge,
};
pub use condition::Condition;
pub use derived::{
    Derived, DerivedEclipse, DerivedOrbit, DerivedPower, DerivedSun, DerivedThermal, Shown, sustainable,
};
pub use forecast::{Forecast, Outlook};
pub use ledger::Ledger;
pub use orbit::{Aspect, Orbit};
pub use radiator::Absorbed;
pub use scale::Scale;
pub use shadow::{Eclipse, Shadow};
pub use spacecraft::Spacecraft;
pub use state::{Limits, Sky, State};
pub use sun::{SOLAR_CONSTANT_W_M2, Sun, days_since_j2000};
pub use thermal::{Temperatures, Thermal};
