//! Sprag's own agent: this very program, started again.

use sprag_contract::settings::Agent as Settings;
use sprag_measure::process::Program;

use super::{Adapter, Call};
use crate::builtin::{COMMAND, Event, KEYS, Options, USUAL_CONTEXT};
use crate::told::Told;
use crate::{Failure, ProposeError};

pub(crate) struct Builtin {
    program: String,
    options: Options,
}

impl Builtin {
    /// # Errors
    /// [`ProposeError::NotInstalled`] where no model is named, or Sprag does not find itself.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ProposeError> {
        let missing = |why: String, remedy| ProposeError::NotInstalled { program: "builtin", why, remedy };
        let model = settings.model.clone().ok_or_else(|| {
            missing("no model is named".to_owned(), "write `model` under `[agent]` in the settings")
        })?;
        let exe =
            std::env::current_exe().map_err(|error| missing(error.to_string(), "start it by its path"))?;
        let program = exe.into_os_string().into_string().map_err(|exe| {
            missing(format!("the path of sprag is no UTF-8: {}", exe.display()), "move it elsewhere")
        })?;
        let options = Options {
            model,
            url: settings.url.clone(),
            key: settings.key.clone(),
            context: settings.context.unwrap_or(USUAL_CONTEXT),
            shell: settings.shell.unwrap_or(false),
        };
        Ok(Self { program, options })
    }

    /// The settings with its key among the variables that are passed on and written nowhere.
    pub(crate) fn passing_its_key(settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        settings.env.extend(settings.key.clone());
        settings
    }
}

impl Adapter for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn program(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    fn call(&self, _call: &Call<'_>) -> Program {
        let options = serde_json::to_string(&self.options).expect("texts and numbers become JSON");
        Program::Argv(vec![self.program.clone(), COMMAND.to_owned(), options])
    }

    fn reads(&self) -> &'static [&'static str] {
        KEYS
    }

    fn read(&self, line: &str, told: &mut Told) {
        // What is no event, such as a panic's words, says nothing; without an end it is told as a death.
        let Ok(event) = serde_json::from_str(line) else { return };
        match event {
            Event::Said { text } => told.say(&text),
            Event::Called { .. } | Event::Answered { .. } => told.say(""),
            Event::Used { sum } => told.set(sum),
            Event::BrokeOff => told.lose_count(),
            Event::Waits { kind, said, .. } => told.fail(Failure::new(kind, said)),
            Event::Shortened { .. } => {}
            Event::Done => told.is_over = true,
            Event::Failed { kind, said } => {
                told.is_over = true;
                told.fail(Failure::new(kind, said));
            }
        }
    }
}
