"""What is read of jobs' stories is the newest there is."""

from pathlib import Path

from queryapi.gateway.stories import Stories
from tests.support.jobstories import Writer
from tests.support.stored import stored


def test_the_end_is_the_last_that_was_said_of_it(tmp_path: Path) -> None:
    """Although so much was logged since the first that not all of it is read at once."""
    with stored(f"sqlite:///{tmp_path / 'gpuscope.db'}") as store:
        store.prepare()
        write = Writer(store)
        write.create("j")
        write.end("j")
        write.report("j", times=3, lines=500)
        job = write.end("j")
        news = Stories(store).look({"j": None}).news["j"]

    assert news is not None
    assert news.ended is not None
    assert (job.seq, job.seq) == (news.head, news.ended.seq)
