//! NVIDIA's boards by the questions that their library answers: which of a board's powers is taken, and what stands on it.

use dawndusk::meter::Meter;
use dawndusk::meter::board::BoardDriver;
use dawndusk::meter::channel::Channel;
use dawndusk::meter::nvml::{Architecture, BoardSensor, NvmlBoard, PowerKind, Question, StandIn, StandInDriver};
use dawndusk::meter::probe::Refusal;
use dawndusk::meter::throttle::Reason;
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Seconds, Watts};

/// A board that says `says`, on top of a name, an identifier and a power of 250 W behind its counter.
fn stand_in(architecture: &str, says: &str) -> StandIn {
    let text = format!(
        "[[board]]\nname = \"NVIDIA Test Board\"\nid = \"GPU-7\"\narchitecture = \"{architecture}\"\npower_w = 250.0\n\
         [board.says]\nenforced_limit = 700000\n{says}"
    );
    StandIn::parse(&text).expect("the text is right").remove(0)
}

fn board(stand_in: &StandIn) -> NvmlBoard {
    NvmlBoard::new(Box::new(stand_in.clone()))
}

fn open(stand_in: &StandIn) -> Result<Channel<BoardSensor>, Refusal> {
    let epoch = std::time::Instant::now();
    let mut wait = |dt: Seconds| {
        std::thread::sleep(std::time::Duration::from_secs_f64(dt.0));
        Seconds(epoch.elapsed().as_secs_f64())
    };
    BoardSensor::open(board(stand_in), "nvml:0", &mut wait)
}

fn opened(architecture: &str, says: &str) -> (StandIn, Channel<BoardSensor>) {
    let stand_in = stand_in(architecture, says);
    let meter = open(&stand_in).expect("it can be read");
    (stand_in, meter)
}

fn beside(meter: &Channel<BoardSensor>) -> Vec<String> {
    meter.beside_sources().into_iter().map(|source| source.name).collect()
}

#[test]
fn the_newest_power_is_shown_and_the_mean_is_integrated_where_the_newest_sees_a_quarter() {
    let fields = "power_usage = 240000\n\"field 186\" = 260000\n\"field 185\" = 250000\n";
    let (_, mut meter) = opened("hopper", fields);
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(260.0)), "by field 186");
    let sources = meter.beside_sources();
    assert_eq!(sources.len(), 1, "the counter counts, its power is beside it");
    assert!(sources[0].method.contains("average"), "all of the time is seen: {}", sources[0].method);
    assert!((sources[0].sensing.seen_share - 1.0).abs() < 1e-12, "{:?}", sources[0].sensing);
    let (seen, _) = meter.beside()[0];
    assert_eq!(seen.power, Ok(Watts(250.0)), "by field 185");
}

#[test]
fn a_driver_without_the_fields_gives_its_reported_power() {
    let (_, mut meter) = opened("ga100", "power_usage = 240000\n");
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(240.0)), "by nvmlDeviceGetPowerUsage");
    let sources = meter.beside_sources();
    assert!((sources[0].sensing.seen_share - 0.25).abs() < 1e-12, "25 ms of each 100 ms: {:?}", sources[0].sensing);
    assert!(sources[0].method.contains("reports"), "{}", sources[0].method);
}

#[test]
fn a_field_that_answers_with_a_sentinel_or_an_error_is_not_taken() {
    for says in ["\"field 186\" = 4294967295", "\"field 186\" = \"no_permission\"", "\"field 186\" = \"timeout\""] {
        let (_, mut meter) = opened("hopper", &format!("{says}\npower_usage = 240000\n"));
        assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(240.0)), "{says}");
    }
}

#[test]
fn a_board_without_a_counter_integrates_what_sees_all_of_the_time() {
    let says = "energy = \"not_supported\"\n\"field 186\" = 260000\n\"field 185\" = 250000\n";
    let (_, mut meter) = opened("hopper", says);
    assert!(meter.source().method.contains("average"), "{}", meter.source().method);
    assert_eq!(meter.source().sensing.averaging_s, Seconds(1.0), "a mean over a second");
    meter.read(Seconds(10.0));
    let reading = meter.read(Seconds(10.1));
    assert_eq!(reading.power, Ok(Watts(260.0)), "what is newest is shown");
    assert!(reading.energy.is_ok_and(|energy| (energy.0 - 25.0).abs() < 1e-9), "250 W for 0.1 s: {reading:?}");
    let (_, meter) = opened("ampere_or_ada", says);
    assert!(meter.source().method.contains("instant"), "there the newest sees everything: {}", meter.source().method);
}

#[test]
fn an_older_counter_is_found_by_its_field() {
    let stand_in = stand_in("hopper", "energy = \"not_supported\"\n\"field 83\" = 5000000\n");
    assert_eq!(board(&stand_in).energy_mj(), Ok(5_000_000), "field 83");
}

#[test]
fn a_module_alone_is_said_to_be_cpu_and_gpu() {
    let says = "energy = \"not_supported\"\n\"field 185 scope 1\" = 612000\n";
    let (_, mut meter) = opened("hopper", says);
    assert_eq!(meter.source().boundary, Boundary::Module, "Grace Hopper has no power of its GPU alone");
    assert!(meter.source().method.contains("CPU and GPU"), "and says so: {}", meter.source().method);
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(612.0)), "its power is shown");
}

#[test]
fn a_counter_shows_its_own_mean_and_not_the_modules_power() {
    let (stand_in, mut meter) = opened("hopper", "\"field 185 scope 1\" = 612000\n");
    assert_eq!(meter.source().boundary, Boundary::Accelerator, "the counter is the board's");
    assert_eq!(beside(&meter), ["nvml:0/module"], "the module stands beside it");
    for (step, energy) in [(0, 1_000_000), (1, 1_025_000), (2, 1_050_000)] {
        stand_in.say(Question::Energy, Ok(energy));
        let reading = meter.read(Seconds(20.0 + 0.1 * f64::from(step)));
        let expected = if step == 0 { Err(NoData::NotYet) } else { Ok(250.0) };
        assert_eq!(reading.power.map(|power| power.0.round()), expected, "25 J in 0.1 s, not 612 W");
    }
    assert_eq!(meter.beside()[0].0.power, Ok(Watts(612.0)), "which is shown as the module's");
}

#[test]
fn a_mean_from_a_slow_counter_does_not_show_its_steps() {
    let (stand_in, mut meter) = opened("hopper", "");
    let period = 0.04;
    let mut means = Vec::new();
    for look in 0..400 {
        let now = f64::from(look) * 0.01;
        // 250 W, renewed every 40 ms.
        stand_in.say(Question::Energy, Ok(1_000_000 + ((now / period + 1e-9).floor() * 250e3 * period) as u64));
        means.extend(meter.read(Seconds(50.0 + now)).power.ok().map(|power| power.0));
    }
    let (low, high) = means.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &mean| (low.min(mean), high.max(mean)));
    assert!(means.len() > 350, "a mean from the first window on: {}", means.len());
    assert!(low > 225.0 && high < 275.0, "250 W to a tenth, and not 200 W and 300 W by turns: {low} to {high}");
}

#[test]
fn the_memorys_power_stands_beside_the_boards_and_is_part_of_it() {
    let says = "\"field 186\" = 260000\n\"field 186 scope 2\" = 55000\n\"field 185 scope 1\" = 400000\n";
    let (_, mut meter) = opened("ampere_or_ada", says);
    assert_eq!(beside(&meter), ["nvml:0/power", "nvml:0/module", "nvml:0/memory"], "each by itself");
    let boundaries: Vec<Boundary> = meter.beside_sources().iter().map(|source| source.boundary).collect();
    assert_eq!(boundaries, [Boundary::Accelerator, Boundary::Module, Boundary::Memory], "and each says of what");
    meter.read(Seconds(0.0));
    let shown: Vec<_> = meter.beside().iter().map(|(reading, _)| reading.power).collect();
    assert_eq!(shown, [Ok(Watts(260.0)), Ok(Watts(400.0)), Ok(Watts(55.0))], "three numbers, never added");
}

#[test]
fn a_field_that_stops_answering_has_a_cause_and_the_counter_goes_on() {
    let (stand_in, mut meter) = opened("hopper", "\"field 186\" = 260000\n\"field 185\" = 250000\n");
    meter.read(Seconds(0.0));
    stand_in.say(Question::Field { id: 186, scope: 0 }, Err(NoData::NotSupported));
    stand_in.say(Question::Field { id: 185, scope: 0 }, Ok(u64::from(u32::MAX)));
    let reading = meter.read(Seconds(0.1));
    assert_eq!(reading.power, Err(NoData::NotSupported), "no last value");
    assert!(reading.energy.is_ok(), "another sensor: {reading:?}");
    assert_eq!(meter.beside()[0].0.energy, Err(NoData::Implausible), "a sentinel is no power");
}

#[test]
fn a_lost_board_is_lost_to_all_that_stands_beside_it() {
    let (stand_in, mut meter) = opened("hopper", "\"field 186\" = 260000\npower_usage = 240000\n");
    meter.read(Seconds(0.0));
    for question in [Question::Energy, Question::PowerUsage, Question::Field { id: 186, scope: 0 }] {
        stand_in.say(question, Err(NoData::Lost));
    }
    let reading = meter.read(Seconds(0.1));
    assert_eq!((reading.energy, reading.power), (Err(NoData::Lost), Err(NoData::Lost)), "neither value nor zero");
    assert_eq!(meter.beside()[0].0.energy, Err(NoData::Lost), "nor beside it");
    let missed = meter.beside()[0].1.missed;
    meter.read(Seconds(0.2));
    assert_eq!(meter.beside()[0].1.missed, missed + 1, "looks at a lost board are counted as missed");
    stand_in.say(Question::PowerUsage, Ok(240_000));
    stand_in.say(Question::Field { id: 186, scope: 0 }, Ok(260_000));
    stand_in.say(Question::Energy, Ok(9_000_000));
    assert_eq!(meter.read(Seconds(1.5)).power, Ok(Watts(260.0)), "found again by its identifier");
}

#[test]
fn a_library_that_answers_nothing_names_the_cause_that_is_more_than_a_lack() {
    let stand_in = stand_in("hopper", "energy = \"no_permission\"\n\"field 185\" = \"no_permission\"\n");
    let refusal = open(&stand_in).err().expect("nothing can be read");
    assert_eq!(refusal.cause, NoData::NoPermission, "not merely unsupported: {}", refusal.detail);
}

#[test]
fn what_is_made_up_is_never_a_measurement() {
    let (_, meter) = opened("hopper", "power_usage = 240000\n");
    let source = meter.source();
    assert_eq!((source.provenance, source.relative_uncertainty), (Provenance::Modelled, None), "no band, no rank");
    assert!(source.method.contains("stand-in"), "and says so: {}", source.method);
}

#[test]
fn reasons_by_counter_come_before_the_mask() {
    let (stand_in, mut meter) = opened("hopper", "event_reasons = 4\n\"field 74\" = 1000000000\n");
    meter.read(Seconds(0.0));
    stand_in.say(Question::Field { id: 74, scope: 0 }, Ok(1_250_000_000));
    stand_in.say(Question::EventReasons, Ok(0x4 | 0x20));
    meter.read(Seconds(1.0));
    let times = meter.throttling().expect("the driver says");
    assert!((times.power_cap_s.0 - 0.25).abs() < 1e-9, "counted by the driver: {times:?}");
    assert!((times.thermal_s.0 - 0.5).abs() < 1e-9, "a reason without a counter, seen at one of two looks: {times:?}");
}

#[test]
fn the_counter_of_heat_is_chosen_once() {
    let (new, old) = (Question::Field { id: 251, scope: 0 }, Question::Field { id: 75, scope: 0 });
    let (stand_in, mut meter) = opened("hopper", "\"field 251\" = 1000000000\n\"field 75\" = 9000000000000\n");
    for (at, answer) in [(0.0, Ok(1_000_000_000)), (1.0, Err(NoData::Timeout)), (2.0, Ok(1_000_000_000))] {
        stand_in.say(new, answer);
        meter.read(Seconds(at));
    }
    let times = meter.throttling().expect("the driver says");
    assert_eq!(times.thermal_s, Seconds(0.0), "one counter less another is no time: {times:?}");
    let (stand_in, mut meter) = opened("hopper", "\"field 75\" = 9000000000000\n");
    meter.read(Seconds(0.0));
    stand_in.say(old, Ok(9_000_250_000_000));
    meter.read(Seconds(1.0));
    let times = meter.throttling().expect("the driver says");
    assert!((times.thermal_s.0 - 0.25).abs() < 1e-9, "an older driver's counter stands in: {times:?}");
}

#[test]
fn a_fact_that_cannot_be_a_power_is_none() {
    let says = "\"field 185 scope 1\" = 0\n\"field 186 scope 2\" = 0\n\"field 186\" = 0\npower_usage = 9000000\n";
    let facts = board(&stand_in("hopper", says)).facts();
    assert_eq!(facts.module_power_w.known(), Err(NoData::NotSupported), "0 W of a module: nothing is metered there");
    assert_eq!(facts.memory_power_w.known(), Err(NoData::NotSupported), "nor of the memory");
    assert_eq!(facts.instant_power_w.known(), Err(NoData::Implausible), "a board that runs draws power");
    assert_eq!(facts.reported_power_w.known(), Err(NoData::Implausible), "9 kW of a 700 W board");
}

#[test]
fn each_fact_of_a_board_is_there_or_has_its_cause() {
    let says = "default_limit = 700000\nlowest_limit = 200000\nhighest_limit = \"no_permission\"\ntemperature = 314150\n\
                core_clock = 1980\n\"field 82\" = 55\npartitioned = 1\nevent_reasons = 36\n\"field 186\" = 260000\n";
    let facts = board(&stand_in("hopper", says)).facts();
    assert_eq!(facts.power_limit_w.known(), Ok(&Watts(700.0)), "in force");
    assert_eq!(facts.highest_power_limit_w.known(), Err(NoData::NoPermission), "its own cause");
    assert_eq!(facts.memory_clock_hz.known(), Err(NoData::NotSupported), "not asked for in vain");
    assert!(facts.chip_k.known().is_ok_and(|kelvin| (kelvin.0 - 314.15).abs() < 1e-9), "41 °C: {:?}", facts.chip_k);
    assert!(facts.memory_k.known().is_ok_and(|kelvin| (kelvin.0 - 328.15).abs() < 1e-9), "55 °C: {:?}", facts.memory_k);
    assert_eq!(facts.core_clock_hz.known(), Ok(&1.98e9), "1980 MHz");
    assert_eq!(facts.is_partitioned.known(), Ok(&true), "MIG");
    assert_eq!(facts.slowed_by.known(), Ok(&vec![Reason::PowerCap, Reason::Thermal]), "4 and 32");
    assert_eq!(facts.instant_power_w.known(), Ok(&Watts(260.0)), "field 186");
    assert_eq!(facts.module_power_w.known(), Err(NoData::NotSupported), "no Grace here");
    let text = serde_json::to_value(&facts).expect("facts are plain");
    assert_eq!(text["module_power_w"]["value"], serde_json::Value::Null, "null and never 0");
    assert_eq!(text["module_power_w"]["cause"], "not_supported", "with its cause");
}

#[test]
fn a_workstation_board_with_a_like_name_has_no_ga100() {
    for name in ["NVIDIA A100-SXM4-40GB", "NVIDIA A30", "NVIDIA A800 80GB PCIe"] {
        assert_eq!(Architecture::of_ampere(name), Architecture::Ga100, "{name}");
    }
    for name in ["NVIDIA RTX A3000 Laptop GPU", "NVIDIA A10", "NVIDIA GeForce RTX 3090", "NVIDIA RTX A1000"] {
        assert_eq!(Architecture::of_ampere(name), Architecture::AmpereOrAda, "{name}");
    }
}

#[test]
fn a_file_that_stands_in_is_read_strictly() {
    let wrong = |text: &str| StandIn::parse(text).expect_err("wrong");
    let head = "[[board]]\nname = \"a\"\nid = \"b\"\n";
    assert!(wrong(&format!("{head}volts = 3\n")).contains("volts"), "an unknown key is named");
    assert!(wrong(&format!("{head}[board.says]\nenrgy = 3\n")).contains("`enrgy`"), "an unknown question is named");
    assert!(wrong(&format!("{head}[board.says]\n\"field 1 scope\" = 3\n")).contains("field N"), "half a field");
    assert!(wrong(&format!("{head}power_w = -3.0\n")).contains("power_w"), "a negative power");
    assert!(StandIn::parse(&format!("{head}[board.says]\nenergy = \"asleep_maybe\"\n")).is_err(), "no such cause");
    let driver = StandInDriver { file: "/no/such/file.toml".into() };
    let refusal = driver.boards().err().expect("no file");
    assert!(refusal.detail.contains("/no/such/file.toml"), "the file is named: {}", refusal.detail);
}

#[test]
fn kinds_are_asked_for_at_once_and_in_their_order() {
    let mut board = board(&stand_in("hopper", "power_usage = 3\n\"field 186\" = 1\n\"field 185\" = 2\n"));
    let answers = board.powers(&[PowerKind::Reported, PowerKind::Memory, PowerKind::Instant, PowerKind::Average]);
    let milliwatts = |milliwatts: f64| Ok(Watts(milliwatts * 1e-3));
    let expected = [milliwatts(3.0), Err(NoData::NotSupported), milliwatts(1.0), milliwatts(2.0)];
    assert_eq!(answers, expected, "each its own");
}
