//! The eye that looks at the orbit: far away, 60 degrees from the Sun and raised to the north, so that the day is on the left,
//! the shadow points to the right, and the terminator and nearly every orbit are open ellipses.

/// A direction or a place in the equatorial frame.
pub(super) type Place = [f64; 3];

/// Cosine of the angle between eye and Sun.
pub(super) const COS_SUN: f64 = 0.5;
/// How far the eye is turned about the Sun's direction, to the north: an equatorial orbit is no line then.
const RAISED_DEG: f64 = 25.0;

/// Three unit vectors: to the right, up, and to the eye.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    right: Place,
    up: Place,
    eye: Place,
}

/// A place as it is seen: to the right, down (as pictures count), and toward the eye.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) near: f64,
}

impl View {
    /// Under a Sun in direction `sun`.
    pub(super) fn new(sun: Place) -> View {
        let up = unit(along(&[0.0, 0.0, 1.0], &sun, -dot(&[0.0, 0.0, 1.0], &sun)));
        let side = cross(&up, &sun);
        let (sin, cos) = RAISED_DEG.to_radians().sin_cos();
        let (side, up) =
            (along(&side.map(|part| cos * part), &up, sin), along(&up.map(|part| cos * part), &side, -sin));
        let eye = unit(along(&side.map(|part| (1.0 - COS_SUN * COS_SUN).sqrt() * part), &sun, COS_SUN));
        View { right: cross(&up, &eye), up, eye }
    }

    /// Where `place` is seen.
    pub(super) fn see(&self, place: &Place) -> Seen {
        Seen { x: dot(place, &self.right), y: -dot(place, &self.up), near: dot(place, &self.eye) }
    }
}

/// `place` and `share` of `other` together.
fn along(place: &Place, other: &Place, share: f64) -> Place {
    std::array::from_fn(|axis| place[axis] + share * other[axis])
}

fn dot(one: &Place, two: &Place) -> f64 {
    one.iter().zip(two).map(|(a, b)| a * b).sum()
}

fn cross(one: &Place, two: &Place) -> Place {
    std::array::from_fn(|axis| {
        let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
        one[next] * two[last] - one[last] * two[next]
    })
}

fn unit(place: Place) -> Place {
    let length = dot(&place, &place).sqrt();
    place.map(|part| part / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sun_is_on_the_left_and_north_is_up() {
        let sun = unit([0.3, -0.8, 0.35]);
        let view = View::new(sun);
        let seen = view.see(&sun);
        assert!((seen.near - COS_SUN).abs() < 1e-12, "60 degrees from the eye: {seen:?}");
        assert!(seen.x < -0.8 && seen.y.abs() < 1e-12, "to the left: {seen:?}");
        assert!(view.see(&[0.0, 0.0, 1.0]).y < -0.5, "north is up");
    }
}
