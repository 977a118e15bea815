"""Rules: what people and the machine itself do behind Turnout's back."""

from __future__ import annotations

import os
import shutil

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.faults.machine.base import Base, Death, deaths
from tests.faults.machine.mortal import Killed
from turnout_host import disk, recovery, survey, switch
from turnout_host.lease import Lease


class Hands(Base):
    """A boot, a clock that is set, edits, the hand drill, `rm -rf`."""

    @rule(death=deaths(30))
    def boot(self, death: Death) -> None:
        """The machine goes down and comes up; what it should run at a boot is run."""
        self.world.power_cut()
        self.dark = True
        lease = Lease(self.layout)
        self.patch.setattr(recovery, "Lease", lambda _: lease)
        try:
            with self.mortal.at_work(*(death or ())):
                recovery.at_boot(str(self.layout.path))
            self.dark = self.settled = False  # what is left over is for the next contact
        except Killed as killed:
            self._died(killed)
        finally:
            lease.release()

    @rule(hours=st.sampled_from([-1, 1]))
    def clock_jumps(self, hours: int) -> None:
        """A person sets the clock."""
        self.world.jump += 3600 * hours

    @rule(number=st.integers(1, 9), shared=st.booleans())
    def edit_dotenv(self, number: int, shared: bool) -> None:
        """In `shared/`, as a person should, or in `current/`, as one does."""
        text, file = f"A={number}\n", self.layout.current / ".env"
        if shared:
            self._write_dotenv(text)
        elif file.exists():
            rest = [line for line in file.read_text().splitlines(True) if not line.startswith("A=")]
            file.write_text(text + "".join(rest))
            self.dotenvs.add(text.encode())
        self.clean = False

    @precondition(lambda self: any(link.exists() for link in switch.links(self.layout)))
    @rule(data=st.data(), whole=st.booleans())
    def hand_drill(self, data: st.DataObject, whole: bool) -> None:
        """The spec's own rollback, `cp -r` of a link; a person who is called away forgets `pm2 restart`."""
        links = [link for link in switch.links(self.layout) if link.exists()]
        if os.path.lexists(self.layout.current) and self.settled:
            self.layout.current.unlink()
            self.layout.current.symlink_to(data.draw(st.sampled_from(links)).readlink())
            if whole:
                self.world.reload(self.layout.current)
            self.clean = False

    @precondition(lambda self: survey.running(self.layout) is not None)
    @rule(in_place=st.booleans())
    def edit_a_file(self, in_place: bool) -> None:
        """In place it changes the store and every release with the same contents; an editor's new file does not."""
        file = self.layout.current.resolve() / "lib/a.js"
        if not file.exists():
            return
        same = [one for one in self.layout.releases.glob("v*/lib/a.js") if one.samefile(file)]
        self.touched |= {one.parent.parent.name for one in (same if in_place else [file])}
        if in_place:
            mode = file.stat().st_mode
            file.chmod(0o644)
            file.write_bytes(file.read_bytes() + b"// by hand\n")
            file.chmod(mode)
        else:
            file.parent.chmod(0o755)
            new = file.with_name("a.js~")
            new.write_bytes(b"// another one, by hand\n")
            new.rename(file)
        self.clean = False

    @rule(data=st.data())
    def remove_a_release(self, data: st.DataObject) -> None:
        """`rm -rf releases/vN`, be it the running one: then `current` leads nowhere."""
        names = sorted(path.name for path in self.layout.releases.iterdir())
        if names and self.settled:
            name = data.draw(st.sampled_from(names))
            self.clean &= name != survey.running(self.layout)
            disk.unlock(self.layout.release(name))
            shutil.rmtree(self.layout.release(name))
            self.gone.add(name)
