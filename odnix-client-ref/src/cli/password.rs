//! Where passwords come from: a file, the environment or an argument, else a question.

use super::PasswordArgs;
use anyhow::{Context as _, bail};
use std::io::{self, BufRead as _, IsTerminal as _};
use zeroize::Zeroizing;

impl PasswordArgs {
    /// The password. `twice` asks again, so that a slip does not lock the user out.
    pub(super) fn read(&self, twice: bool) -> anyhow::Result<Zeroizing<String>> {
        if let Some(file) = &self.password_file {
            let content = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the password file {}", file.display()))?;
            return Ok(first_line(Zeroizing::new(content)));
        }
        if let Some(password) = &self.password {
            return Ok(Zeroizing::new(password.clone()));
        }
        if !io::stdin().is_terminal() {
            let mut line = Zeroizing::new(String::new());
            io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
            return Ok(first_line(line));
        }
        let password = ask("Password: ")?;
        if twice && *ask("Again: ")? != *password {
            bail!("the two passwords differ; nothing was changed");
        }
        Ok(password)
    }
}

fn ask(question: &str) -> anyhow::Result<Zeroizing<String>> {
    rpassword::prompt_password(question).map(Zeroizing::new).context("cannot ask for the password")
}

fn first_line(text: Zeroizing<String>) -> Zeroizing<String> {
    Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
}
