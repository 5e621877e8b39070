//! What the radiator absorbs from Earth and Sun.
//!
//! ```text
//! q_env = sum over both sides  A [ epsilon F E_ir + alpha F albedo S g + alpha S cos(incidence) ]
//! ```
//!
//! `E_ir` is the Earth's infrared, `F` the side's view factor to the Earth, `S` the sunlight of the date, `g` the
//! share of the albedo that reaches the radiator on average over the orbit. The fin efficiency is on emission only.
//! Only the direct term stops in the shadow: `g` is an average that holds lit and dark parts already.

use crate::profile;
use crate::units::Watts;

/// Heat that a full-size radiator absorbs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Absorbed {
    /// From the Earth, always: infrared and reflected sunlight.
    pub earth: Watts,
    /// From the Sun, while all of its disc is visible.
    pub sun: Watts,
}

impl Absorbed {
    /// What the radiator of `thermal` absorbs under sunlight of `flux_w_m2`.
    pub fn under(thermal: &profile::Thermal, flux_w_m2: f64) -> Absorbed {
        let area = thermal.radiator_side_area_m2;
        let view = thermal.earth_view_factor_1 + thermal.earth_view_factor_2;
        let cosines = thermal.sun_cosine_1 + thermal.sun_cosine_2;
        let infrared = thermal.emissivity * thermal.earth_ir_w_m2;
        let reflected = thermal.absorptivity * thermal.albedo * thermal.albedo_phase_factor * flux_w_m2;
        Absorbed {
            earth: Watts(area * view * (infrared + reflected)),
            sun: Watts(area * cosines * thermal.absorptivity * flux_w_m2),
        }
    }

    /// With this share of the Sun's disc visible.
    pub fn at(&self, illumination: f64) -> Watts {
        self.earth + self.sun * illumination
    }
}
