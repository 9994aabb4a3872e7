//! Reading many objects through one `git cat-file --batch` process.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::Mutex;

use crate::git::Git;
use crate::{Error, Result};

/// More objects than this are worth a process of their own, which need not answer each at once.
const MANY: usize = 64;

/// A reader of objects. The process is started when it is first needed, and again when it has died.
#[derive(Debug)]
pub(crate) struct Objects {
    git: Git,
    process: Mutex<Option<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered for one name.
pub(crate) enum Found {
    /// The bytes.
    Bytes(Vec<u8>),
    /// There is no such object, or the abbreviation is ambiguous.
    Nothing,
}

impl Objects {
    pub(crate) fn new(git: Git) -> Self {
        Self { git, process: Mutex::new(None) }
    }

    /// The bytes of one object.
    pub(crate) fn get(&self, name: &str) -> Result<Found> {
        let mut answer = None;
        self.each(std::iter::once(name.to_owned()), |_, found| {
            answer = Some(found);
            Ok(())
        })?;
        Ok(answer.unwrap_or(Found::Nothing))
    }

    /// The bytes of many objects, in order. `take` must not read objects itself.
    pub(crate) fn each(
        &self,
        names: impl Iterator<Item = String> + Clone + Send,
        mut take: impl FnMut(usize, Found) -> Result<()>,
    ) -> Result<()> {
        let mut slot = self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if slot.as_mut().is_some_and(|process| !matches!(process.child.try_wait(), Ok(None))) {
            *slot = None;
        }
        let count = names.clone().count();
        let many = count > MANY;
        let ready = if many { None } else { slot.take() };
        let mut process = match ready {
            Some(process) => process,
            None if many => self.start(&["cat-file", "--batch", "--buffer"])?,
            None => self.start(&["cat-file", "--batch"])?,
        };
        let mut stdin = process.stdin.take().expect("the pipe is put back after each use");
        let mut stdout = &mut process.stdout;
        let outcome = std::thread::scope(|scope| {
            // The requests go on a thread of their own: git answers while it is still being asked.
            let writer = scope.spawn(move || {
                let mut request = Vec::with_capacity(64 << 10);
                for name in names {
                    request.extend_from_slice(name.as_bytes());
                    request.push(b'\n');
                    if request.len() > 60_000 {
                        stdin.write_all(&request)?;
                        request.clear();
                    }
                }
                stdin.write_all(&request)?;
                stdin.flush()?;
                // What is buffered comes at the end of the questions.
                Ok::<_, std::io::Error>((!many).then_some(stdin))
            });
            let read = (0..count).try_for_each(|nth| {
                let found =
                    read_one(&mut stdout).map_err(Error::io("read objects from", self.git.place()))?;
                take(nth, found)
            });
            if read.is_err() {
                // Unread answers would block the writer for ever.
                let _ = process.child.kill();
            }
            let stdin = writer.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()));
            read.and(stdin.map_err(Error::io("ask for objects in", self.git.place())))
        });
        process.stdin = outcome?;
        if process.stdin.is_some() {
            *slot = Some(process);
        }
        Ok(())
    }

    fn start(&self, args: &[&str]) -> Result<Process> {
        let mut child = self.git.spawn(args)?;
        let stdin = child.stdin.take();
        let stdout = BufReader::with_capacity(64 << 10, child.stdout.take().expect("stdout was piped"));
        Ok(Process { child, stdin, stdout })
    }
}

/// Reads `<name> <type> <size>\n<bytes>\n`, or `<name> missing\n`.
fn read_one(stdout: &mut impl BufRead) -> std::io::Result<Found> {
    let mut head = String::new();
    if stdout.read_line(&mut head)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = head.trim_end().rsplit(' ');
    let Some(Ok(size)) = words.next().map(str::parse::<u64>) else { return Ok(Found::Nothing) };
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(64 << 20));
    stdout.by_ref().take(size).read_to_end(&mut bytes)?;
    let mut newline = [0u8];
    stdout.read_exact(&mut newline)?;
    if bytes.len() as u64 != size {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok(Found::Bytes(bytes))
    }
}
