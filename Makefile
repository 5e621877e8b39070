# dawndusk: `make run` flies the main job, `make test` runs every test. Both first install what is missing on Debian
# and Ubuntu (a software Vulkan driver where there is no driver, Python's pip for the model weights, a C compiler);
# elsewhere they say what to install.

CARGO ?= cargo
SATELLITE ?= leo-100kw
SWIFTSHADER := target/swiftshader
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

# apt-get asks nothing, and Mesa's layer does not look for a Wayland socket that is not there.
export DEBIAN_FRONTEND := noninteractive
export XDG_RUNTIME_DIR ?= /tmp
export PATH := $(PATH):$(HOME)/.cargo/bin:/sbin:/usr/sbin

.PHONY: help run test test-page test-swiftshader lint msrv bench build models driver tools swiftshader

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST)

# Without weights (no package index, no copy) the run goes on with seeded ones and says so.
run: driver build ## fly one compressed orbit of SATELLITE and write results/
	-target/release/dawndusk models pull smollm2-135m
	-target/release/dawndusk models pull all-minilm-l6-v2
	target/release/dawndusk run $(SATELLITE)

test: driver models ## every test, on the Vulkan driver of this machine
	$(CARGO) test --release

# A browser and three packages of npm, which take longer to install than the test to run: not part of `make test`.
PAGES := target/page

test-page: build ## the page of a result in a real browser (Debian's Chromium, node), with screenshots
	@command -v chromium >/dev/null && command -v npm >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "Install Chromium, node and npm."; exit 1; }; \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core nodejs npm; }
	rm -rf $(PAGES)/results && mkdir -p $(PAGES)/results
	cp tests/browser/package.json $(PAGES)/ && cd $(PAGES) && npm install --no-audit --no-fund --silent
	tests/browser/flights target/release/dawndusk $(PAGES)/results
	node tests/browser/check.mjs $(PAGES) $(PAGES) $(PAGES)/results/*/report.html

# The tests that open an adapter; the others would only run twice.
ON_ADAPTER := --lib --test kernels --test engine --test tuner --test bench --test run --test cli

test-swiftshader: tools models swiftshader ## these tests again, with SwiftShader as the only adapter (Debian)
	VK_ICD_FILENAMES=$(CURDIR)/$(SWIFTSHADER)/vk_swiftshader_icd.json $(CARGO) test --release $(ON_ADAPTER)

lint: tools ## formatting, clippy (with the minimum Rust version) and the documentation, without warnings
	$(CARGO) fmt --check
	CLIPPY_CONF_DIR=$(CURDIR)/.ci $(CARGO) clippy --release --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --release --no-deps --document-private-items

# Only where that toolchain is installed: it is not fetched. `make lint` and tests/tidy.rs check the same from what is there.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

msrv: tools ## build everything with the minimum Rust version, where rustup has it
	@if rustup toolchain list 2>/dev/null | grep -q '^$(MSRV)[.-]'; then \
	  toolchain=$$(rustup toolchain list | sed -n 's/^\($(MSRV)[.-][^ ]*\).*/\1/p' | head -1); \
	  echo "cargo +$$toolchain check"; cargo "+$$toolchain" check --release --all-targets --target-dir target/msrv; \
	else \
	  echo "Rust $(MSRV) is not installed (rustup toolchain install $(MSRV)); nothing was built with it."; \
	fi

bench: driver models ## criterion: kernels beside their twins, models, governor tick, envelope step
	$(CARGO) bench

build: tools
	$(CARGO) build --release

models: build ## real weights into the model store, checked against their SHA-256
	target/release/dawndusk models pull smollm2-135m
	target/release/dawndusk models pull all-minilm-l6-v2

# A driver is whatever the Vulkan loader would find. With VK_ICD_FILENAMES or VK_DRIVER_FILES set, that choice stands.
driver:
	@if [ -n "$$VK_ICD_FILENAMES$$VK_DRIVER_FILES" ]; then \
	  echo "Vulkan driver as set by the environment: $$VK_ICD_FILENAMES$$VK_DRIVER_FILES"; \
	elif [ "$$(uname -s)" != Linux ]; then \
	  echo "Using this system's own graphics driver (Metal or Direct3D 12)."; \
	elif ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' && \
	     find /usr/share/vulkan/icd.d /etc/vulkan/icd.d -name '*.json' 2>/dev/null | grep -q .; then \
	  echo "Vulkan driver found."; \
	elif command -v apt-get >/dev/null; then \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends libvulkan1 mesa-vulkan-drivers; \
	else \
	  echo "No Vulkan driver found. Install the Vulkan loader and a driver (for example Mesa's lavapipe), or go on without:"; \
	  echo "dawndusk then runs candle's CPU device and the plain-Rust twins of its kernels."; \
	fi

tools:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null && python3 -m pip --version >/dev/null 2>&1 || { \
	  command -v apt-get >/dev/null || { echo "Install a C compiler and Python 3 with pip."; exit 1; }; \
	  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends gcc libc6-dev python3-pip; }

# SwiftShader ships inside Debian's Chromium; only its library is taken from the package.
swiftshader: $(SWIFTSHADER)/vk_swiftshader_icd.json

$(SWIFTSHADER)/vk_swiftshader_icd.json:
	@command -v apt-get >/dev/null || { echo "make test-swiftshader needs Debian's package chromium-common."; exit 1; }
	$(SUDO) apt-get update -qq
	ldconfig -p | grep -q 'libvulkan\.so\.1' || $(SUDO) apt-get install -y -qq --no-install-recommends libvulkan1
	rm -rf $(SWIFTSHADER) && mkdir -p $(SWIFTSHADER)/package
	cd $(SWIFTSHADER)/package && apt-get download -qq chromium-common && dpkg-deb -x chromium-common_*.deb .
	cp "$$(find $(SWIFTSHADER)/package -name libvk_swiftshader.so | head -1)" $(SWIFTSHADER)/
	rm -rf $(SWIFTSHADER)/package
	printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' \
	  "$(CURDIR)/$(SWIFTSHADER)/libvk_swiftshader.so" > $@
