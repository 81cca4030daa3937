//! How a group of ranks is connected.

use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};
use std::sync::mpsc;
use std::time::Duration;

use tch::Device;

use super::ffi::{self, call};
use super::{Error, ProcessGroup, Rendezvous, Timeouts, nccl};

impl ProcessGroup {
    /// Connects all ranks: by Gloo, and where `device` is on CUDA also by NCCL, for the tensors there.
    ///
    /// # Errors
    /// When not all ranks come within [`Timeouts::open`], or NCCL cannot be had.
    pub fn open(rendezvous: &Rendezvous, device: Device, timeouts: Timeouts) -> Result<Self, Error> {
        let group = Self::connect(rendezvous, timeouts)?;
        if let Device::Cuda(index) = device {
            let library = nccl::library()?.into_os_string().into_encoded_bytes();
            let library = CString::new(library).expect("a path holds no NUL");
            call(timeouts.operation, |message, capacity| {
                #[expect(unsafe_code, reason = "the group lives, and the path ends with NUL")]
                unsafe {
                    ffi::gavel_group_add_nccl(
                        group.as_ptr(),
                        library.as_ptr(),
                        index as c_int,
                        message,
                        capacity,
                    )
                }
            })?;
        }
        Ok(group)
    }

    /// Connects by Gloo, on a thread that is left behind where it does not come back in time: a port that is open and no
    /// store has c10d wait for ever.
    fn connect(rendezvous: &Rendezvous, timeouts: Timeouts) -> Result<Self, Error> {
        let (sender, opened) = mpsc::channel();
        let own = rendezvous.clone();
        let connecting = std::thread::Builder::new().name("rendezvous".to_owned());
        let started = connecting.spawn(move || drop(sender.send(Self::connect_in_any_time(&own, timeouts))));
        started.map_err(|error| Error::Refused(format!("cannot start a thread: {error}")))?;
        // A little longer than c10d, which says better what it waited for.
        match opened.recv_timeout(timeouts.open + Duration::from_secs(1)) {
            Ok(group) => group.map(|Opened(group)| group),
            Err(_) => Err(Error::TimedOut {
                seconds: timeouts.open.as_secs(),
                what: format!(
                    "not all of {} ranks found each other over the store at {}:{}; is rank 0 there, is the port another \
                     program's, does a firewall stand between?",
                    rendezvous.size, rendezvous.host, rendezvous.port
                ),
            }),
        }
    }

    fn connect_in_any_time(rendezvous: &Rendezvous, timeouts: Timeouts) -> Result<Opened, Error> {
        let text = |text: &str| {
            CString::new(text).map_err(|_| Error::Refused(format!("`{text}` holds the character NUL")))
        };
        let (host, prefix) = (text(&rendezvous.host)?, text(&format!("gavel/{}", rendezvous.attempt))?);
        let interface = rendezvous.interface.as_deref().map(text).transpose()?;
        let mut raw = ptr::null_mut();
        call(timeouts.open, |message, capacity| {
            #[expect(unsafe_code, reason = "the texts end with NUL and live; what is written is a pointer")]
            unsafe {
                ffi::gavel_group_open(
                    host.as_ptr(),
                    rendezvous.port,
                    rendezvous.serves,
                    prefix.as_ptr(),
                    interface.as_ref().map_or(ptr::null(), |name| name.as_ptr()),
                    rendezvous.rank as c_int,
                    rendezvous.size as c_int,
                    timeouts.open.as_millis() as i64,
                    timeouts.operation.as_millis() as i64,
                    &mut raw,
                    message,
                    capacity,
                )
            }
        })?;
        let raw = NonNull::new(raw).expect("a group when it succeeds");
        let Rendezvous { rank, size, serves, .. } = *rendezvous;
        Ok(Opened(Self { raw, rank, size, serves, timeouts }))
    }
}

/// A group on its way from the thread that connected it.
struct Opened(ProcessGroup);

#[expect(unsafe_code, reason = "c10d's groups belong to no thread; one thread at a time uses this one")]
unsafe impl Send for Opened {}
