//! Every way that is known in which no reading became a number, and the test that says what happens here instead.
//!
//! | failure | who had it | the test that stands against it |
//! |---|---|---|
//! | no sensor, or only a model | readings of 0 W | `selection::a_bare_machine_has_the_model_and_says_why_not_more` |
//! | the library starts, every value is refused | a run without energy, nothing missing | `boards::a_library_that_starts_and_reads_nothing_is_refused` |
//! | reset taken for a wrap | 1.8e19 mJ | `counters::a_fall_without_a_known_range_is_a_reset` |
//! | reset inside a sum | negative joules | `counters::a_reset_counter_yields_no_total`, `boards::a_driver_reload_is_a_reset_for_good` |
//! | wrap lost | a lost sample | `counters::a_fall_near_the_end_of_a_known_range_is_a_wrap`, `files::every_package_wraps_alone` |
//! | range of 0, or one that cannot be read | negative joules | `counters::without_a_ceiling_nothing_wraps`, `a_package_whose_range_is_zero_never_wraps` |
//! | a failed read of the counter | the last value, 0 kWh | `a_failed_read_of_the_counter_is_neither_the_last_value_nor_zero` |
//! | energy only while the power rises | half the energy | `counters::a_ramp_integrates_as_a_trapezoid` |
//! | the first reading added as energy | joules from before the run | `counters::a_first_look_has_no_energy` |
//! | NaN, infinity, over the limit | a sum that is NaN | `plausible::powers_that_cannot_be_are_dropped`, `files::impossible_powers_are_dropped_not_integrated` |
//! | 0 W from what is not metered | 0 J | `network::zero_from_an_unmetered_relay_is_absence`, `apple::a_virtual_machine_that_only_says_zero_has_no_power`, `files::an_unmetered_board_is_refused_for_its_zero`, `a_counter_that_says_zero_while_work_runs_has_no_energy` |
//! | `[N/A]` | 0 W | `files::texts_that_are_no_count_have_a_cause` |
//! | sentinels | exajoules | `boards::a_sentinel_is_dropped_and_the_total_goes_on`, `nvml::a_field_that_answers_with_a_sentinel_or_an_error_is_not_taken` |
//! | stuck value | the last power for ever | `a_counter_that_is_stuck_has_no_energy` |
//! | a read that hangs | a run that hangs | `selection::a_sensor_that_hangs_in_flight_is_abandoned` |
//! | no power of the GPU alone (Grace Hopper) | the module's taken for the GPU's | `nvml::a_module_alone_is_said_to_be_cpu_and_gpu` |
//! | a mean over 1 s taken for an instant | a governor that never settles | `nvml::the_newest_power_is_shown_and_the_mean_is_integrated_where_the_newest_sees_a_quarter` |
//! | a shared or partitioned board | its power taken for one's own | `doctor::a_run_on_a_shared_or_partitioned_board_is_not_ranked_and_says_why`, `doctor::a_shared_capped_partitioned_board_warns_and_says_how_to_mend_it` |
//! | no permission | 0 W | `files::a_forbidden_counter_says_how_to_mend_it` |
//! | asleep | an error, or a woken board | `files::a_sleeping_board_is_asleep_and_leaves_a_gap` |
//! | lost in flight, and back | a hole that nobody sees | `boards::a_lost_board_is_lost_and_its_counter_goes_on_when_it_is_back`, `a_power_that_was_lost_for_long_leaves_no_energy`, `a_power_that_was_lost_for_a_moment_widens_the_bounds`, `nvml::a_lost_board_is_lost_to_all_that_stands_beside_it` |
//! | wall clock stepped by an hour | a window of minus an hour | `a_wall_clock_that_steps_is_never_asked` |
//! | suspend | hours of idle in a second | `a_window_with_a_suspend_in_it_has_no_energy` |
//! | two dies that both report the total | twice the energy | `two_dies_that_both_report_the_total_are_never_added`, `duplicates::two_dies_that_both_report_the_total_are_counted_once` |
//! | window shorter than an update | 0 J | `a_window_shorter_than_an_update_has_bounds_as_wide_as_itself` |
//! | added over two sources | the board twice | `a_board_behind_a_wall_meter_is_not_added_to_it` |

use crate::fakes::{BoardState, EACCES, FakeBoard, FakeSysfs};
use dawndusk::meter::energy_meter::EnergyMeter;
use dawndusk::meter::nvml::BoardSensor;
use dawndusk::meter::several::Several;
use dawndusk::meter::suspend::SuspendWatch;
use dawndusk::meter::{Accelerator, AcceleratorKind, Gauge, Meter, MeterCost, MeterError, Roots, Window, open_all};
use dawndusk::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source};
use dawndusk::units::{Joules, Seconds, Watts};
use std::sync::{Arc, Mutex};

/// A source that says what it is told.
struct Told {
    source: Source,
    says: Arc<Mutex<Result<Joules, NoData>>>,
    coverage: Coverage,
}

impl Meter for Told {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let energy = *self.says.lock().expect("no test panics here");
        self.coverage.looks += 1;
        Reading { taken_at: now, energy, power: Err(NoData::NotSupported) }
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

fn source(name: &str, boundary: Boundary) -> Source {
    Source {
        name: name.to_owned(),
        provenance: Provenance::BoardSensor,
        boundary,
        method: "told by a test".to_owned(),
        update_period_s: Seconds(0.1),
        relative_uncertainty: Some(0.05),
        rated_w: Some(Watts(700.0)),
        sensing: Sensing::default(),
    }
}

type Says = Arc<Mutex<Result<Joules, NoData>>>;

fn told(name: &str, boundary: Boundary) -> (Box<dyn Meter>, Says) {
    let says = Arc::new(Mutex::new(Ok(Joules(0.0))));
    let meter = Told { source: source(name, boundary), says: Arc::clone(&says), coverage: Coverage::default() };
    (Box::new(meter), says)
}

fn awake(meter: Box<dyn Meter>) -> Gauge {
    Gauge::with_watch(meter, SuspendWatch::with_clock(Box::new(|| Some(Seconds(0.0)))))
}

/// A board without a counter that has run for a second, on its own clock.
fn integrated() -> (FakeBoard, Gauge, f64) {
    let board = FakeBoard::with(|state: &mut BoardState| state.energy_says = Some(Err(NoData::NotSupported)));
    let meter = BoardSensor::open(board.board(), "nvml:0", &mut board.wait()).expect("it can be read");
    let mut gauge = awake(Box::new(meter));
    let mut now = 0.0;
    board.change(|state| now = state.time_s);
    for _ in 0..20 {
        now += 0.05;
        gauge.look(Seconds(now));
    }
    (board, gauge, now)
}

/// Looks from `from` on for `seconds`, twenty a second.
fn run(window: &mut Window, gauge: &mut Gauge, from: f64, seconds: f64) -> f64 {
    let steps = (seconds * 20.0).round() as u32;
    (1..=steps).for_each(|step| window.look(gauge, Seconds(from + f64::from(step) * 0.05)));
    from + seconds
}

#[test]
fn a_power_that_was_lost_for_long_leaves_no_energy() {
    let (board, mut gauge, start) = integrated();
    let mut window = Window::open(&mut gauge, Seconds(start));
    let now = run(&mut window, &mut gauge, start, 2.0);
    board.change(|state| state.failure = Some(NoData::Lost));
    let now = run(&mut window, &mut gauge, now, 3.0);
    assert_eq!(window.drawn(&gauge).no_data, Some(NoData::Lost), "while it is gone");
    board.change(|state| state.failure = None);
    let now = run(&mut window, &mut gauge, now, 3.0);
    let drawn = window.drawn(&gauge);
    assert_eq!((drawn.energy_j, drawn.no_data), (None, Some(NoData::Gap)), "back after 3 of {} s", now - start);
    assert!(drawn.gap_s > Seconds(2.5), "and the gap is counted: {}", drawn.gap_s);
}

#[test]
fn a_power_that_was_lost_for_a_moment_widens_the_bounds() {
    let whole = {
        let (_, mut gauge, start) = integrated();
        let mut window = Window::open(&mut gauge, Seconds(start));
        run(&mut window, &mut gauge, start, 60.0);
        window.drawn(&gauge)
    };
    let (board, mut gauge, start) = integrated();
    let mut window = Window::open(&mut gauge, Seconds(start));
    let now = run(&mut window, &mut gauge, start, 20.0);
    board.change(|state| state.failure = Some(NoData::Lost));
    let now = run(&mut window, &mut gauge, now, 1.0);
    board.change(|state| state.failure = None);
    run(&mut window, &mut gauge, now, 39.0);
    let drawn = window.drawn(&gauge);
    let (energy, coverage) = (drawn.energy_j.expect("a moment"), drawn.coverage().expect("an energy"));
    assert!((energy.0 - 15_000.0).abs() < 150.0, "250 W for 60 s, the mean put into the gap: {energy}");
    assert!(coverage > 0.95 && coverage < 0.99, "and said: {coverage}");
    assert!(drawn.spread_j > whole.spread_j * 3.0, "{} against {} without a gap", drawn.spread_j, whole.spread_j);
}

#[test]
fn a_counter_that_is_stuck_has_no_energy() {
    let mut energy = EnergyMeter::new(&source("stuck", Boundary::Accelerator));
    let look = |taken_at: f64, energy: f64| Reading {
        taken_at: Seconds(taken_at),
        energy: Ok(Joules(energy)),
        power: Err(NoData::NotSupported),
    };
    let first = energy.mark(Seconds(1.0), &look(1.0, 100.0), Coverage::default());
    let last = energy.mark(Seconds(60.0), &look(2.0, 350.0), Coverage::default());
    let drawn = energy.between(&first, &last);
    assert_eq!((drawn.energy_j, drawn.no_data), (None, Some(NoData::Gap)), "58 s without a new value");
}

#[test]
fn a_counter_that_says_zero_while_work_runs_has_no_energy() {
    let (meter, _) = told("zero", Boundary::Accelerator);
    let mut gauge = awake(meter);
    gauge.set_idle(Watts(70.0));
    let mut window = Window::open(&mut gauge, Seconds(0.0));
    run(&mut window, &mut gauge, 0.0, 10.0);
    let drawn = window.drawn(&gauge);
    assert_eq!((drawn.energy_j, drawn.no_data), (None, Some(NoData::Implausible)), "a machine that idles at 70 W");
}

#[test]
fn a_window_with_a_suspend_in_it_has_no_energy() {
    let slept = Arc::new(Mutex::new(5.0));
    let theirs = Arc::clone(&slept);
    let clock = move || Some(Seconds(*theirs.lock().expect("no test panics here")));
    let (meter, says) = told("asleep", Boundary::Accelerator);
    let mut gauge = Gauge::with_watch(meter, SuspendWatch::with_clock(Box::new(clock)));
    let mut window = Window::open(&mut gauge, Seconds(0.0));
    *says.lock().expect("no test panics here") = Ok(Joules(1000.0));
    window.look(&mut gauge, Seconds(5.0));
    assert!(window.drawn(&gauge).energy_j.is_some(), "awake so far");
    *slept.lock().expect("no test panics here") = 605.0;
    window.look(&mut gauge, Seconds(10.0));
    assert_eq!(window.drawn(&gauge).no_data, Some(NoData::Suspended), "ten minutes that no clock here saw");
    assert_eq!(gauge.take_suspend(), Some(Seconds(600.0)), "and said once");
    assert_eq!(gauge.take_suspend(), None, "not twice");
    let mut after = Window::open(&mut gauge, Seconds(11.0));
    *says.lock().expect("no test panics here") = Ok(Joules(2000.0));
    after.look(&mut gauge, Seconds(16.0));
    assert!(after.drawn(&gauge).energy_j.is_some(), "the next window is whole");
}

#[test]
fn a_wall_clock_that_steps_is_never_asked() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for folder in ["meter", "flight"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the source is here") {
            let path = entry.expect("the source is here").path();
            if path.is_file() {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                let asks = ["SystemTime", "Timestamp::now", "Zoned::now", "ClockId::Realtime"];
                let found = asks.iter().find(|clock| text.contains(**clock));
                assert_eq!(found, None, "{}: all arithmetic is on the monotonic clock", path.display());
            }
        }
    }
}

#[test]
fn a_window_shorter_than_an_update_has_bounds_as_wide_as_itself() {
    let (board, mut gauge, start) = {
        let board = FakeBoard::with(|state: &mut BoardState| state.period_s = 0.1);
        let meter = BoardSensor::open(board.board(), "nvml:0", &mut board.wait()).expect("it can be read");
        let mut gauge = awake(Box::new(meter));
        let mut now = 0.0;
        for _ in 0..100 {
            board.change(|state| {
                state.time_s += 0.02;
                now = state.time_s;
            });
            gauge.look(Seconds(now));
        }
        (board, gauge, now)
    };
    let mut window = Window::open(&mut gauge, Seconds(start));
    board.change(|state| state.time_s += 0.03);
    window.look(&mut gauge, Seconds(start + 0.03));
    let drawn = window.drawn(&gauge);
    let energy = drawn.energy_j.expect("the power before goes on");
    assert!((energy.0 - 7.5).abs() < 4.0, "250 W for 30 ms, and neither 0 J nor 25 J: {energy}");
    let (low, high) = drawn.bounds(gauge.source()).expect("measured");
    assert!(high - low > Joules(7.5), "and hardly known: {low} to {high}");
}

#[test]
fn a_package_whose_range_is_zero_never_wraps() {
    use dawndusk::meter::rapl::Rapl;
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone("intel-rapl:0", "package-0", 900_000_000);
    sysfs.write("class/powercap/intel-rapl:0/max_energy_range_uj", "0\n");
    let mut rapl = Rapl::open(&sysfs.tree()).expect("it can be read");
    rapl.read(Seconds(0.0));
    sysfs.set_energy("intel-rapl:0", 5_000_000);
    assert_eq!(rapl.read(Seconds(1.0)).energy, Err(NoData::CounterReset), "neither a wrap nor minus 895 J");
}

#[test]
fn a_package_whose_range_cannot_be_read_never_wraps() {
    use dawndusk::meter::rapl::Rapl;
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone("intel-rapl:0", "package-0", 262_143_000_000);
    sysfs.fail("class/powercap/intel-rapl:0/max_energy_range_uj", EACCES);
    let mut rapl = Rapl::open(&sysfs.tree()).expect("it can be read");
    rapl.read(Seconds(0.0));
    sysfs.set_energy("intel-rapl:0", 5_000_000);
    assert_eq!(rapl.read(Seconds(1.0)).energy, Err(NoData::CounterReset), "a wrap, for all that is known, or a reset");
}

#[test]
fn a_failed_read_of_the_counter_is_neither_the_last_value_nor_zero() {
    let board = FakeBoard::default();
    let meter = BoardSensor::open(board.board(), "nvml:0", &mut board.wait()).expect("it can be read");
    let mut gauge = awake(Box::new(meter));
    let mut now = 0.0;
    board.change(|state| now = state.time_s);
    let mut tick = |gauge: &mut Gauge, window: &mut Window| {
        board.change(|state| {
            state.time_s += 0.05;
            now = state.time_s;
        });
        window.look(gauge, Seconds(now));
    };
    let mut window = Window::open(&mut gauge, Seconds(100.0));
    (0..100).for_each(|_| tick(&mut gauge, &mut window));
    board.change(|state| state.energy_says = Some(Err(NoData::Timeout)));
    (0..20).for_each(|_| tick(&mut gauge, &mut window));
    let drawn = window.drawn(&gauge);
    assert_eq!((drawn.energy_j, drawn.no_data), (None, Some(NoData::Timeout)), "while it fails");
    board.change(|state| state.energy_says = None);
    (0..100).for_each(|_| tick(&mut gauge, &mut window));
    let energy = window.drawn(&gauge).energy_j.expect("the counter has missed nothing");
    assert!((energy.0 - 250.0 * 11.0).abs() < 20.0, "250 W for 11 s, found {energy}");
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: String| std::fs::read_to_string(root.join(file)).expect("a test file is text");
    let rows: Vec<String> = read("tests/meter/failures.rs".into())
        .lines()
        .filter(|line| line.starts_with("//! |"))
        .map(|row| row.rsplit(" | ").next().unwrap_or_default().to_owned())
        .collect();
    let names: Vec<String> = rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned)).collect();
    assert!(names.len() > 30, "the table was read: {}", names.len());
    for name in names {
        let (place, test) = name.split_once("::").unwrap_or(("failures", &name));
        let file = match place {
            "doctor" => "tests/doctor/main.rs".to_owned(),
            "plausible" | "apple" => format!("src/meter/{place}.rs"),
            _ => format!("tests/meter/{place}.rs"),
        };
        assert!(read(file).contains(&format!("fn {test}(")), "{name} is in the table and nowhere else");
    }
}

#[test]
fn two_dies_that_both_report_the_total_are_never_added() {
    let sysfs = FakeSysfs::new();
    for (chip, address) in [("hwmon0", "0000:03:00.0"), ("hwmon1", "0000:04:00.0")] {
        sysfs.amdgpu(chip, "280000000");
        let uevent = format!("DRIVER=amdgpu\nPCI_SLOT_NAME={address}\n");
        sysfs.write(&format!("class/hwmon/{chip}/device/uevent"), &uevent);
    }
    let roots = Roots { sysfs: sysfs.tree(), drivers: Vec::new(), ..Roots::default() };
    let die = |address: Option<&str>| Accelerator {
        kind: AcceleratorKind::Discrete,
        name: "AMD Test Board".to_owned(),
        vendor_id: Some(0x1002),
        pci_address: address.map(str::to_owned),
    };
    let mut one = open_all(&roots, &[], &die(Some("0000:04:00.0"))).expect("the die at that address");
    assert_eq!(one.meter.source().name, "amdgpu:0000:04:00.0", "one of them");
    assert_eq!(one.meter.read(Seconds(0.0)).power, Ok(Watts(280.0)), "and its figure once, not twice");
    let either = open_all(&roots, &[], &die(None)).err().expect("two of a kind");
    assert!(matches!(either, MeterError::Ambiguous { .. }), "asked for by name, and not added up: {either}");
}

#[test]
fn a_board_behind_a_wall_meter_is_not_added_to_it() {
    let (board, board_says) = told("board", Boundary::Accelerator);
    let (wall, wall_says) = told("wall", Boundary::Wall);
    let (other, other_says) = told("other", Boundary::Accelerator);
    let mut gauge = awake(Box::new(Several::new(board, vec![wall, other])));
    let names: Vec<&str> = gauge.beside_sources().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["wall", "other"], "beside it");
    let mut window = Window::open(&mut gauge, Seconds(0.0));
    for (says, energy) in [(&board_says, 1000.0), (&wall_says, 1800.0), (&other_says, 1010.0)] {
        *says.lock().expect("no test panics here") = Ok(Joules(energy));
    }
    window.look(&mut gauge, Seconds(5.0));
    assert_eq!(window.drawn(&gauge).energy_j, Some(Joules(1000.0)), "the one that counts, alone");
    let beside: Vec<Option<Joules>> = window.drawn_beside(&gauge).iter().map(|drawn| drawn.energy_j).collect();
    assert_eq!(beside, [Some(Joules(1800.0)), Some(Joules(1010.0))], "each by itself");
}

#[test]
fn a_counter_and_the_power_beside_it_agree_on_a_steady_load() {
    let board = FakeBoard::default();
    let meter = BoardSensor::open(board.board(), "nvml:0", &mut board.wait()).expect("it can be read");
    let mut gauge = awake(Box::new(meter));
    let names: Vec<String> = gauge.beside_sources().map(|source| source.name.clone()).collect();
    assert_eq!(names, ["nvml:0/power"], "the same watts by the other road");
    let mut now = 0.0;
    board.change(|state| now = state.time_s);
    let mut window = Window::open(&mut gauge, Seconds(now));
    for _ in 0..3000 {
        board.change(|state| {
            state.time_s += 0.02;
            now = state.time_s;
        });
        window.look(&mut gauge, Seconds(now));
    }
    let counted = window.drawn(&gauge).energy_j.expect("counted");
    let [integrated] = window.drawn_beside(&gauge)[..] else { panic!("one source beside") };
    let integrated = integrated.energy_j.expect("integrated");
    assert!((counted / integrated - 1.0).abs() < 0.02, "{counted} and {integrated} over 60 s");
}

#[test]
fn what_the_meter_takes_is_counted() {
    let (meter, _) = told("cheap", Boundary::Accelerator);
    let mut gauge = awake(meter);
    assert_eq!((gauge.cost(Seconds(1.0)).looks, gauge.cost(Seconds(1.0)).work_share), (0, 0.0), "nobody has looked");
    for step in 0..1000 {
        gauge.look(Seconds(f64::from(step) * 0.05));
    }
    let cost = gauge.cost(Seconds(50.0));
    assert_eq!((cost.looks, cost.over_s), (1000, Seconds(50.0)), "since the first look");
    assert!(cost.waited_s > Seconds::ZERO, "a look takes time");
    assert!(cost.work_share < MeterCost::SHARE_MAX, "under half a percent at 20 looks a second: {cost:?}");
    if let Some(cpu) = cost.cpu_s {
        assert!(cpu > Seconds::ZERO && cpu <= cost.over_s, "and CPU time: {cost:?}");
        assert!(cost.core_share.is_some_and(|share| share < MeterCost::SHARE_MAX), "of one core: {cost:?}");
    }
    for step in 1000..1100 {
        gauge.look(Seconds(f64::from(step) * 0.05));
    }
    let part = gauge.cost(Seconds(55.0)).since(&cost);
    assert_eq!((part.looks, part.over_s), (100, Seconds(5.0)), "of a part of it");
    assert_eq!(part.plus(&cost).looks, 1100, "and both together");
}
