//! A `gavel serve` of this build as a process of its own, and a client that takes as little as it can from it: what the
//! client costs is taken from the server, which is on the same processors.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// How long a client waits for an answer before it calls it lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server, ended when it is dropped.
pub(super) struct Server {
    process: Child,
    pub(super) address: String,
}

impl Server {
    /// Serves these rewards, each a name and the text of its file, with so many processes, at this port, or at a free one
    /// where it is 0.
    pub(super) fn start(
        root: &Path,
        rewards: &[(&str, &str)],
        run_code: bool,
        port: u16,
        processes: usize,
    ) -> Result<Self> {
        let folder = root.join("target/bench");
        fs::create_dir_all(&folder)?;
        let mut serve = shell::command(root, root.join("target/release/gavel"));
        serve.args(["serve", "--plugin-path", "plugins/interpreters"]);
        serve.arg(format!("--listen=127.0.0.1:{port}")).arg(format!("--processes={processes}"));
        if run_code {
            serve.args(["--run-code", "python"]);
        }
        for (name, text) in rewards {
            let file = folder.join(format!("{name}.toml"));
            fs::write(&file, text)?;
            serve.arg("--reward").arg(format!("{name}={}", file.display()));
        }
        let mut process = serve.stderr(Stdio::piped()).spawn().context("gavel does not start")?;
        let stderr = process.stderr.take().context("stderr is piped")?;
        let mut said = BufReader::new(stderr).lines().map_while(Result::ok);
        let address = said.find_map(|line| Some(line.split_once("http://")?.1.split(' ').next()?.to_owned()));
        // A pipe that nobody reads would fill.
        thread::spawn(move || said.for_each(drop));
        Ok(Self { process, address: address.context("gavel serve does not listen")? })
    }

    pub(super) fn port(&self) -> Result<u16> {
        Ok(self.address.rsplit_once(':').context("an address has a port")?.1.parse()?)
    }

    /// Bytes of memory that it holds, where the system says so; of several processes, all of them.
    pub(super) fn resident(&self) -> Option<u64> {
        self.processes().into_iter().map(resident).sum()
    }

    /// Files and sockets that it has open, where the system says so.
    pub(super) fn open_files(&self) -> Option<usize> {
        let open = |id| Some(fs::read_dir(format!("/proc/{id}/fd")).ok()?.count());
        self.processes().into_iter().map(open).sum()
    }

    /// The process that was started, and those that it has started to answer in its place.
    fn processes(&self) -> Vec<u32> {
        let mut all = vec![self.process.id()];
        all.extend(self.workers());
        all
    }

    /// The processes that the server has started, where the system says so.
    fn workers(&self) -> Vec<u32> {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|id| id.parse().ok()).collect()
    }

    /// Kills one of the processes that the server has started, and waits for the one in its place.
    pub(super) fn replace_one(&self, round: usize) -> Result<()> {
        let before = self.workers();
        ensure!(!before.is_empty(), "the server has started no processes");
        let killed = before[round % before.len()];
        signal(killed, "KILL")?;
        let asked = Instant::now();
        loop {
            let now = self.workers();
            if now.len() == before.len() && !now.contains(&killed) {
                return Ok(());
            }
            ensure!(asked.elapsed() < PATIENCE, "no process came in the place of {killed}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends it a signal by its name.
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        signal(self.process.id(), name)
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> Result<ExitStatus> {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            ensure!(asked.elapsed() < PATIENCE, "the server does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn signal(process: u32, name: &str) -> Result<()> {
    let id = process.to_string();
    let kill = std::process::Command::new("kill").args(["-s", name, &id]).status()?;
    ensure!(kill.success(), "kill -s {name} {id} failed");
    Ok(())
}

fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A connection that stays.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
    answer: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), head: String::new(), answer: Vec::new() })
    }

    /// Asks, and takes the answer, which has to be a good one.
    pub(super) fn ask(&mut self, path: &str, body: &str) -> Result<&str> {
        self.send(path, body)?;
        let (status, answer) = self.answer()?;
        ensure!(status == 200, "{status}: {answer}");
        Ok(answer)
    }

    /// Reads what stands at a path.
    pub(super) fn get(&mut self, path: &str) -> Result<&str> {
        write!(self.stream.get_mut(), "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")?;
        Ok(self.answer()?.1)
    }

    pub(super) fn send(&mut self, path: &str, body: &str) -> Result<()> {
        // A second answer to the last request would stand here, and be taken for one to this.
        ensure!(self.stream.buffer().is_empty(), "there is more than was asked for");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(self.stream.get_mut().write_all(request.as_bytes())?)
    }

    /// The status and the body of the next answer, whole.
    pub(super) fn answer(&mut self) -> Result<(u16, &str)> {
        let (mut length, mut status) = (None, 0);
        loop {
            self.head.clear();
            ensure!(self.stream.read_line(&mut self.head)? > 0, "the server has closed the connection");
            let line = self.head.trim_end();
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.split(' ').next().unwrap_or_default().parse()?;
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = Some(value.parse()?);
            } else if line.is_empty() {
                break;
            }
        }
        let Some(length) = length else { bail!("an answer without a length") };
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer)?;
        Ok((status, std::str::from_utf8(&self.answer)?))
    }

    /// Whether the server says nothing more.
    pub(super) fn is_quiet(&mut self) -> Result<bool> {
        self.stream.get_ref().set_nonblocking(true)?;
        let more = self.stream.fill_buf();
        // An end is no answer either.
        Ok(match more {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        })
    }
}
