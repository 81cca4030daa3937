//! Where the ranks of a run find each other, as `torchrun` and others that start them say it in variables.

use std::ffi::c_void;
use std::time::Duration;

use super::Error;
use super::ffi;

/// Which of how many processes this is, and where the store is over which they find each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendezvous {
    /// Of this process, from 0: `RANK`.
    pub rank: usize,
    /// How many there are: `WORLD_SIZE`.
    pub size: usize,
    /// Of this process among those of its machine, from 0, which is its card: `LOCAL_RANK`.
    pub local_rank: usize,
    /// The machine of the store: `MASTER_ADDR`.
    pub host: String,
    /// The store's port: `MASTER_PORT`.
    pub port: u16,
    /// Whether this process has to serve the store: rank 0, unless what started it does.
    pub serves: bool,
    /// How often the ranks have been started again: `TORCHELASTIC_RESTART_COUNT`. The store may outlive them, and what
    /// those before left in it must not be found.
    pub attempt: u64,
    /// The network interface that Gloo is to use: `GLOO_SOCKET_IFNAME`. By default that of the machine's name.
    pub interface: Option<String>,
}

impl Rendezvous {
    /// What the variables say, which `variable` looks up; `None` where there is no `RANK`, of a process that was started
    /// alone.
    ///
    /// # Errors
    /// When one is missing or makes no sense.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        if variable("RANK").is_none() {
            return Ok(None);
        }
        let text = |name: &'static str| {
            let missing = "is not set, and RANK is: whatever starts ranks has to set both, as torchrun does";
            let missing = || Error::Variable { variable: name, problem: missing.to_owned() };
            variable(name).filter(|text| !text.is_empty()).ok_or_else(missing)
        };
        let number = |name: &'static str| {
            let text = text(name)?;
            let problem = || format!("is `{text}`, which is not a number from 0");
            text.parse::<usize>().map_err(|_| Error::Variable { variable: name, problem: problem() })
        };
        let (rank, size, port) = (number("RANK")?, number("WORLD_SIZE")?, number("MASTER_PORT")?);
        if rank >= size {
            let problem = format!(
                "is {rank}, and there are {size} ranks (WORLD_SIZE): the last is {}",
                size.saturating_sub(1)
            );
            return Err(Error::Variable { variable: "RANK", problem });
        }
        let port = u16::try_from(port).map_err(|_| {
            let problem = format!("is {port}, and ports end at 65535");
            Error::Variable { variable: "MASTER_PORT", problem }
        })?;
        let is_served = variable("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|text| text == "True");
        Ok(Some(Self {
            rank,
            size,
            local_rank: number("LOCAL_RANK")?,
            host: text("MASTER_ADDR")?,
            port,
            serves: rank == 0 && !is_served,
            attempt: variable("TORCHELASTIC_RESTART_COUNT").and_then(|text| text.parse().ok()).unwrap_or(0),
            interface: variable("GLOO_SOCKET_IFNAME").filter(|name| !name.is_empty()),
        }))
    }
}

/// The store for ranks that another process starts, as torchrun has one: it outlives them.
#[derive(Debug)]
pub struct Store {
    raw: *mut c_void,
    /// Where it listens.
    port: u16,
}

impl Store {
    /// Serves a store at a free port of this machine.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn serve() -> Result<Self, Error> {
        let timeout = Duration::from_secs(60);
        let (mut raw, mut port) = (std::ptr::null_mut(), 0);
        ffi::call(timeout, |message, capacity| {
            #[expect(unsafe_code, reason = "writes a port and a pointer, which is this value's from then on")]
            unsafe {
                ffi::gavel_store_serve(&mut port, timeout.as_millis() as i64, &mut raw, message, capacity)
            }
        })?;
        Ok(Self { raw, port })
    }

    /// The port at which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the pointer is this value's, and nobody uses it afterwards")]
        unsafe {
            ffi::gavel_store_close(self.raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 5] = [
        ("RANK", "1"),
        ("WORLD_SIZE", "4"),
        ("LOCAL_RANK", "0"),
        ("MASTER_ADDR", "host"),
        ("MASTER_PORT", "29500"),
    ];

    /// What the variables say with some of them in the place of others; an empty one is not set.
    fn with(other: &[(&str, &str)]) -> Result<Option<Rendezvous>, Error> {
        Rendezvous::from_variables(|name| {
            let of = |all: &[(&str, &str)]| {
                all.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
            };
            of(other).or_else(|| of(&ALL)).filter(|text| !text.is_empty())
        })
    }

    #[test]
    fn variables_are_those_of_torchrun() {
        let found = with(&[]).unwrap().unwrap();
        assert_eq!((found.rank, found.size, found.local_rank, found.port), (1, 4, 0, 29500));
        assert_eq!((found.host.as_str(), found.serves, found.attempt), ("host", false, 0));
        assert!(with(&[("RANK", "0")]).unwrap().unwrap().serves, "rank 0 serves the store");
        let by_torchrun =
            [("RANK", "0"), ("TORCHELASTIC_USE_AGENT_STORE", "True"), ("TORCHELASTIC_RESTART_COUNT", "2")];
        let found = with(&by_torchrun).unwrap().unwrap();
        assert_eq!((found.serves, found.attempt), (false, 2), "torchrun serves it");
        assert_eq!(with(&[("RANK", "")]).unwrap(), None, "a process that was started alone");
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named() {
        for (variable, value, told) in [
            ("WORLD_SIZE", "", "WORLD_SIZE is not set"),
            ("MASTER_ADDR", "", "MASTER_ADDR is not set"),
            ("LOCAL_RANK", "", "LOCAL_RANK is not set"),
            ("RANK", "one", "RANK is `one`, which is not a number"),
            ("RANK", "4", "RANK is 4, and there are 4 ranks (WORLD_SIZE): the last is 3"),
            ("MASTER_PORT", "70000", "MASTER_PORT is 70000, and ports end at 65535"),
        ] {
            let error = with(&[(variable, value)]).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
