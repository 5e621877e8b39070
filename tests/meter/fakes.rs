//! A tree of attribute files and an accelerator board that fail on request.

use dawndusk::meter::board::{Board, BoardDriver, Boards};
use dawndusk::meter::probe::{Place, Refusal};
use dawndusk::meter::sysfs::Tree;
use dawndusk::meter::throttle::ThrottleLook;
use dawndusk::reading::NoData;
use dawndusk::units::Seconds;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;

/// Error numbers that Linux and macOS share.
pub(crate) const EACCES: i32 = 13;
pub(crate) const EBUSY: i32 = 16;

/// A sysfs of the test's own.
pub(crate) struct FakeSysfs {
    directory: TempDir,
    failures: Arc<Mutex<BTreeMap<String, i32>>>,
    /// Counters that run at so many watts from the moment the tree was made.
    running: BTreeMap<String, f64>,
    /// Powers in watts that follow the time since then.
    moving: BTreeMap<String, fn(f64) -> f64>,
}

impl FakeSysfs {
    pub(crate) fn new() -> FakeSysfs {
        let directory = tempfile::tempdir().expect("a temporary directory");
        FakeSysfs { directory, failures: Arc::default(), running: BTreeMap::new(), moving: BTreeMap::new() }
    }

    pub(crate) fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().expect("a file in a directory")).expect("directories can be made");
        std::fs::write(path, text).expect("files can be written");
    }

    /// Lets every read of `file` fail with an error number of the system, until [`FakeSysfs::mend`].
    pub(crate) fn fail(&self, file: &str, errno: i32) {
        self.failures.lock().expect("no test panics here").insert(file.to_owned(), errno);
    }

    pub(crate) fn mend(&self, file: &str) {
        self.failures.lock().expect("no test panics here").remove(file);
    }

    /// Lets a zone's counter run at `watts`.
    pub(crate) fn run(&mut self, zone: &str, watts: f64) {
        self.running.insert(format!("class/powercap/{zone}/energy_uj"), watts);
    }

    /// Lets a file of a power follow `watts`.
    pub(crate) fn follow(&mut self, file: &str, watts: fn(f64) -> f64) {
        self.moving.insert(file.to_owned(), watts);
    }

    pub(crate) fn tree(&self) -> Tree {
        let root = self.directory.path().to_owned();
        let failures = Arc::clone(&self.failures);
        let (running, moving) = (self.running.clone(), self.moving.clone());
        let start = Instant::now();
        let read = move |path: &Path| {
            let file = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
            // Taken before the read: a file that hangs must not hang its neighbours here.
            let failure = failures.lock().expect("no test panics here").get(&file).copied();
            match failure {
                Some(errno) => Err(io::Error::from_raw_os_error(errno)),
                None => match (running.get(&file), moving.get(&file)) {
                    (Some(watts), _) => Ok(format!("{:.0}\n", start.elapsed().as_secs_f64() * watts * 1e6)),
                    (_, Some(watts)) => Ok(format!("{:.0}\n", watts(start.elapsed().as_secs_f64()) * 1e6)),
                    _ => std::fs::read_to_string(path),
                },
            }
        };
        Tree::with_reader(self.directory.path(), Arc::new(read))
    }

    /// A RAPL zone with a range of 262143.328850 J, as most parts have, and limits of 200 W and 240 W.
    pub(crate) fn rapl_zone(&self, zone: &str, name: &str, energy_uj: u64) {
        let file = |attribute: &str| format!("class/powercap/{zone}/{attribute}");
        self.write(&file("name"), &format!("{name}\n"));
        self.write(&file("energy_uj"), &format!("{energy_uj}\n"));
        self.write(&file("max_energy_range_uj"), "262143328850\n");
        self.write(&file("constraint_0_name"), "long_term\n");
        self.write(&file("constraint_0_power_limit_uw"), "200000000\n");
        self.write(&file("constraint_1_name"), "short_term\n");
        self.write(&file("constraint_1_power_limit_uw"), "240000000\n");
    }

    pub(crate) fn set_energy(&self, zone: &str, energy_uj: u64) {
        self.write(&format!("class/powercap/{zone}/energy_uj"), &format!("{energy_uj}\n"));
    }

    /// An amdgpu board at 0000:03:00.0 with a cap of 300 W.
    pub(crate) fn amdgpu(&self, chip: &str, power_uw: &str) {
        let file = |attribute: &str| format!("class/hwmon/{chip}/{attribute}");
        self.write(&file("name"), "amdgpu\n");
        self.write(&file("power1_average"), power_uw);
        self.write(&file("power1_cap"), "300000000\n");
        self.write(&file("device/vendor"), "0x1002\n");
        self.write(&file("device/uevent"), "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n");
    }
}

/// The state of a fake board, which the test changes under the meter.
pub(crate) struct BoardState {
    /// The board's own clock, in seconds.
    pub(crate) time_s: f64,
    /// What it draws, in watts.
    pub(crate) power_w: f64,
    /// The counter in millijoules is `rate · power · time`, renewed every `period_s`, plus `offset_mj`.
    pub(crate) period_s: f64,
    pub(crate) rate: f64,
    pub(crate) offset_mj: u64,
    /// Values given in place of the true ones.
    pub(crate) energy_says: Option<Result<u64, NoData>>,
    pub(crate) power_says: Option<Result<u64, NoData>>,
    pub(crate) limit_says: Result<u64, NoData>,
    pub(crate) throttle_says: Result<ThrottleLook, NoData>,
    /// Everything answers so, and the board cannot be found again.
    pub(crate) failure: Option<NoData>,
    pub(crate) place: Place,
    /// How often its power was asked for.
    pub(crate) powers_asked: u32,
}

impl Default for BoardState {
    fn default() -> BoardState {
        BoardState {
            time_s: 100.0,
            power_w: 250.0,
            period_s: 0.02,
            rate: 1.0,
            offset_mj: 5_000_000,
            energy_says: None,
            power_says: None,
            limit_says: Ok(700_000),
            throttle_says: Err(NoData::NotSupported),
            failure: None,
            place: Place {
                pci_address: Some("00000000:65:00.0".to_owned()),
                vendor_id: Some(0x10de),
                product: Some("NVIDIA Test Board".to_owned()),
            },
            powers_asked: 0,
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct FakeBoard(pub(crate) Arc<Mutex<BoardState>>);

impl FakeBoard {
    pub(crate) fn with(change: impl FnOnce(&mut BoardState)) -> FakeBoard {
        let board = FakeBoard::default();
        board.change(change);
        board
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut BoardState)) {
        change(&mut self.0.lock().expect("no test panics here"));
    }

    /// The clock that a meter waits on while it opens this board.
    pub(crate) fn wait(&self) -> impl FnMut(Seconds) -> Seconds + use<> {
        let state = Arc::clone(&self.0);
        move |dt| {
            let mut state = state.lock().expect("no test panics here");
            state.time_s += dt.0;
            Seconds(state.time_s)
        }
    }
}

impl Board for FakeBoard {
    fn name(&self) -> String {
        "NVIDIA Test Board".to_owned()
    }

    fn id(&self) -> String {
        "GPU-0".to_owned()
    }

    fn place(&self) -> Place {
        self.0.lock().expect("no test panics here").place.clone()
    }

    fn energy_mj(&mut self) -> Result<u64, NoData> {
        let state = self.0.lock().expect("no test panics here");
        let updates = (state.time_s / state.period_s).floor();
        let counted = (state.rate * state.power_w * updates * state.period_s * 1e3) as u64;
        state.failure.map_or(state.energy_says.unwrap_or(Ok(counted + state.offset_mj)), Err)
    }

    fn power_mw(&mut self) -> Result<u64, NoData> {
        let mut state = self.0.lock().expect("no test panics here");
        state.powers_asked += 1;
        state.failure.map_or(state.power_says.unwrap_or(Ok((state.power_w * 1e3) as u64)), Err)
    }

    fn power_limit_mw(&mut self) -> Result<u64, NoData> {
        self.0.lock().expect("no test panics here").limit_says
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        self.0.lock().expect("no test panics here").failure.map_or(Ok(()), Err)
    }

    fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        self.0.lock().expect("no test panics here").throttle_says
    }
}

/// A driver with the boards it is given, which run on the machine's clock; or with none, and why.
#[derive(Clone)]
pub(crate) struct FakeDriver(pub(crate) Result<Vec<FakeBoard>, Refusal>);

impl BoardDriver for FakeDriver {
    fn name(&self) -> &'static str {
        "nvml"
    }

    fn boards(&self) -> Boards {
        let running = |board: &FakeBoard| {
            let running: Box<dyn Board> = Box::new(Running(board.clone(), Instant::now()));
            Ok(running)
        };
        self.0.clone().map(|boards| boards.iter().map(running).collect())
    }
}

/// A fake board whose time is the machine's.
struct Running(FakeBoard, Instant);

impl Running {
    fn tick(&mut self) {
        let elapsed = self.1.elapsed().as_secs_f64();
        self.0.change(|state| state.time_s = 100.0 + elapsed);
    }
}

impl Board for Running {
    fn name(&self) -> String {
        self.0.name()
    }

    fn id(&self) -> String {
        self.0.id()
    }

    fn place(&self) -> Place {
        self.0.place()
    }

    fn energy_mj(&mut self) -> Result<u64, NoData> {
        self.tick();
        self.0.energy_mj()
    }

    fn power_mw(&mut self) -> Result<u64, NoData> {
        self.tick();
        self.0.power_mw()
    }

    fn power_limit_mw(&mut self) -> Result<u64, NoData> {
        self.0.power_limit_mw()
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        self.0.reopen()
    }

    fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        self.0.throttle()
    }
}
