//! A group of ranks, and what they do together.

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ptr::{self, NonNull};
use std::time::Duration;

use tch::{Tensor, no_grad};

use super::Error;
use super::buckets::{self, Bucket};
use super::ffi::{self, call};

/// How long is waited for other ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until all have come to the rendezvous.
    pub open: Duration,
    /// Until all have come to an operation, and it has ended: at least as long as the slowest rank may take for what
    /// it does in between.
    pub operation: Duration,
}

/// What becomes of a number that each rank has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// The sum.
    Sum,
    /// The largest.
    Max,
}

/// So many buckets are under way at a time, at most: one travels while the next is filled.
const UNDER_WAY: usize = 3;

/// All ranks of a run, connected. Its operations are called by all of them, in the same order, and by one thread.
#[derive(Debug)]
pub struct ProcessGroup {
    pub(super) raw: NonNull<c_void>,
    pub(super) rank: usize,
    pub(super) size: usize,
    /// Whether the store is here.
    pub(super) serves: bool,
    pub(super) timeouts: Timeouts,
}

/// What ranks compare before they exchange anything.
#[derive(Debug, Clone, Copy)]
enum Operation {
    AllReduce,
    Broadcast,
    AllGather,
    ReduceScatter,
    Gather,
    Numbers,
    Agree,
}

/// Something that is under way on the other side; whoever starts it waits for it.
struct Work(*mut c_void);

impl ProcessGroup {
    /// Which rank this is, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Reduces each of `tensors`, where it lies, with those of all ranks, which are of the same shapes and kinds. Small ones
    /// travel in buckets, and all ranks get the same bits.
    ///
    /// # Errors
    /// When a tensor is not contiguous, the ranks differ in what they bring, or one has failed.
    pub fn all_reduce(&self, tensors: &[&Tensor], reduction: Reduction) -> Result<(), Error> {
        self.agree_on(Operation::AllReduce, tensors)?;
        no_grad(|| {
            let mut under_way = VecDeque::new();
            for bucket in buckets::split(tensors, buckets::BYTES) {
                if under_way.len() == UNDER_WAY {
                    self.finish(under_way.pop_front())?;
                }
                let bucket = Bucket::fill(bucket);
                let work = self.start_all_reduce(bucket.tensor(), reduction)?;
                under_way.push_back((work, bucket));
            }
            under_way.into_iter().try_for_each(|started| self.finish(Some(started)))
        })
    }

    fn start_all_reduce(&self, tensor: &Tensor, reduction: Reduction) -> Result<Work, Error> {
        self.start(|work, message, capacity| {
            #[expect(
                unsafe_code,
                reason = "group and tensor live; the other side keeps a share of the latter"
            )]
            unsafe {
                ffi::gavel_group_all_reduce(
                    self.as_ptr(),
                    tensor.as_ptr().cast(),
                    reduction == Reduction::Max,
                    work,
                    message,
                    capacity,
                )
            }
        })
    }

    fn finish(&self, started: Option<(Work, Bucket<'_>)>) -> Result<(), Error> {
        let Some((work, bucket)) = started else { return Ok(()) };
        self.wait(work)?;
        bucket.empty();
        Ok(())
    }

    /// Makes each of `tensors`, where it lies, that of rank `root`.
    ///
    /// # Errors
    /// As [`ProcessGroup::all_reduce`].
    pub fn broadcast(&self, tensors: &[&Tensor], root: usize) -> Result<(), Error> {
        self.agree_on(Operation::Broadcast, tensors)?;
        no_grad(|| {
            for bucket in buckets::split(tensors, buckets::BYTES) {
                let bucket = Bucket::fill(bucket);
                let work = self.start_broadcast(bucket.tensor(), root)?;
                self.finish(Some((work, bucket)))?;
            }
            Ok(())
        })
    }

    fn start_broadcast(&self, tensor: &Tensor, root: usize) -> Result<Work, Error> {
        self.start(|work, message, capacity| {
            #[expect(
                unsafe_code,
                reason = "group and tensor live; the other side keeps a share of the latter"
            )]
            unsafe {
                ffi::gavel_group_broadcast(
                    self.as_ptr(),
                    tensor.as_ptr().cast(),
                    root as c_int,
                    work,
                    message,
                    capacity,
                )
            }
        })
    }

    /// The tensors of all ranks, `(…)` → `(size, …)`.
    ///
    /// # Errors
    /// As [`ProcessGroup::all_reduce`].
    pub fn all_gather(&self, part: &Tensor) -> Result<Tensor, Error> {
        self.agree_on(Operation::AllGather, &[part])?;
        self.all_gather_unchecked(part)
    }

    fn all_gather_unchecked(&self, part: &Tensor) -> Result<Tensor, Error> {
        let flat = part.detach().view([-1]);
        let whole = Tensor::zeros([(self.size * part.numel()) as i64], (part.kind(), part.device()));
        let work = self.start(|work, message, capacity| {
            #[expect(unsafe_code, reason = "all three live; the other side keeps a share of the tensors")]
            unsafe {
                ffi::gavel_group_all_gather(
                    self.as_ptr(),
                    whole.as_ptr().cast(),
                    flat.as_ptr().cast(),
                    work,
                    message,
                    capacity,
                )
            }
        })?;
        self.wait(work)?;
        let sizes: Vec<i64> = [self.size as i64].into_iter().chain(part.size()).collect();
        Ok(whole.view(sizes.as_slice()))
    }

    /// This rank's part of the sum of all ranks' `whole`: `(size · n)` → `(n)`.
    ///
    /// # Errors
    /// As [`ProcessGroup::all_reduce`], and when `whole` does not divide into as many parts as there are ranks.
    pub fn reduce_scatter(&self, whole: &Tensor) -> Result<Tensor, Error> {
        let count = whole.numel();
        if whole.dim() != 1 || !count.is_multiple_of(self.size) {
            let shape = whole.size();
            return Err(Error::Refused(format!(
                "{shape:?} does not divide into {} parts of a row",
                self.size
            )));
        }
        self.agree_on(Operation::ReduceScatter, &[whole])?;
        let part = Tensor::zeros([(count / self.size) as i64], (whole.kind(), whole.device()));
        let work = self.start(|work, message, capacity| {
            #[expect(unsafe_code, reason = "all three live; the other side keeps a share of the tensors")]
            unsafe {
                ffi::gavel_group_reduce_scatter(
                    self.as_ptr(),
                    part.as_ptr().cast(),
                    whole.as_ptr().cast(),
                    work,
                    message,
                    capacity,
                )
            }
        })?;
        self.wait(work)?;
        Ok(part)
    }

    /// The bytes of all ranks, by rank; they may be of different lengths.
    ///
    /// # Errors
    /// When a rank has failed, or does something else.
    pub fn gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let lengths = self.meet(Operation::Gather, 0, bytes.len() as i64, "what comes next")?;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        if longest == 0 {
            return Ok(vec![Vec::new(); self.size]);
        }
        let mut padded = bytes.to_vec();
        padded.resize(longest as usize, 0);
        let all = self.all_gather_unchecked(&Tensor::from_slice(&padded))?;
        drop(padded);
        let of_rank = |(rank, length): (usize, i64)| {
            let bytes = all.get(rank as i64).narrow(0, 0, length);
            Vec::<u8>::try_from(bytes).map_err(|error| Error::Refused(error.to_string()))
        };
        lengths.into_iter().enumerate().map(of_rank).collect()
    }

    /// The numbers of all ranks, by rank.
    ///
    /// # Errors
    /// When a rank has failed, or does something else.
    pub fn gather_numbers(&self, number: i64) -> Result<Vec<i64>, Error> {
        self.meet(Operation::Numbers, 0, number, "what comes next")
    }

    /// Waits until all ranks have come here.
    ///
    /// # Errors
    /// When a rank has failed, or does something else.
    pub fn barrier(&self) -> Result<(), Error> {
        self.gather_numbers(0).map(drop)
    }

    /// Makes sure that all ranks have the same `fingerprint` of `what`.
    ///
    /// # Errors
    /// Names the first rank that has another.
    pub fn agree(&self, what: &str, fingerprint: u64) -> Result<(), Error> {
        self.meet(Operation::Agree, fingerprint, 0, what).map(drop)
    }

    /// Makes sure that tensors can travel, and that all ranks are about to do the same with the like.
    fn agree_on(&self, operation: Operation, tensors: &[&Tensor]) -> Result<(), Error> {
        // Gloo takes as many elements as there are from where a tensor begins, whatever its strides.
        if let Some(strided) = tensors.iter().find(|tensor| !tensor.is_contiguous()) {
            let (shape, strides) = (strided.size(), strided.stride());
            return Err(Error::Refused(format!(
                "a tensor of {shape:?} with strides {strides:?} is not contiguous, and ranks exchange what is"
            )));
        }
        let mut hasher = DefaultHasher::new();
        for tensor in tensors {
            (format!("{:?}", tensor.kind()), tensor.size()).hash(&mut hasher);
        }
        let count = tensors.len();
        let what = match tensors {
            [one] => format!("the shape and kind of a tensor, here {:?} {:?}", one.size(), one.kind()),
            _ => format!("the shapes and kinds of {count} tensors"),
        };
        self.meet(operation, hasher.finish(), count as i64, &what).map(drop)
    }

    /// Meets the other ranks, which have to come with the same operation and fingerprint; gives their numbers.
    fn meet(
        &self,
        operation: Operation,
        fingerprint: u64,
        number: i64,
        what: &str,
    ) -> Result<Vec<i64>, Error> {
        let own = [operation as i64, fingerprint.cast_signed(), number];
        let all = self.all_gather_unchecked(&Tensor::from_slice(&own))?;
        let all: Vec<i64> = Vec::try_from(all.view([-1]))
            .map_err(|error: tch::TchError| Error::Refused(error.to_string()))?;
        let of_ranks = || all.chunks_exact(own.len());
        let differs = |what: &str, place: usize| {
            let rank = of_ranks().position(|theirs| theirs[place] != own[place]);
            rank.map(|rank| Err(Error::Differs { rank, this: self.rank, what: what.to_owned() }))
        };
        if let Some(error) = differs("what comes next", 0).or_else(|| differs(what, 1)) {
            return error;
        }
        Ok(of_ranks().map(|theirs| theirs[2]).collect())
    }

    fn start(
        &self,
        function: impl FnOnce(*mut *mut c_void, *mut c_char, usize) -> c_int,
    ) -> Result<Work, Error> {
        let mut work = ptr::null_mut();
        call(self.timeouts.operation, |message, capacity| function(&mut work, message, capacity))?;
        Ok(Work(work))
    }

    fn wait(&self, work: Work) -> Result<(), Error> {
        let raw = work.0;
        std::mem::forget(work);
        call(self.timeouts.operation, |message, capacity| {
            #[expect(
                unsafe_code,
                reason = "the pointer is the only one to this work, which is gone afterwards"
            )]
            unsafe {
                ffi::gavel_work_wait(raw, message, capacity)
            }
        })
    }

    pub(super) fn as_ptr(&self) -> *mut c_void {
        self.raw.as_ptr()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the pointer is this value's, and nobody uses it afterwards")]
        unsafe {
            ffi::gavel_group_close(self.as_ptr());
        }
    }
}

impl Drop for Work {
    /// Waits, so that no operation outlives what it works on; whoever did not wait has failed in another way.
    fn drop(&mut self) {
        let mut message = [0; 8];
        #[expect(unsafe_code, reason = "the pointer is the only one to this work, which is gone afterwards")]
        unsafe {
            ffi::gavel_work_wait(self.0, message.as_mut_ptr(), message.len());
        }
    }
}
