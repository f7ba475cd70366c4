import os
import signal

import pytest

from dawnchorus.runtime import run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_sets_a_flag_and_ends_nothing(number):
    with run.catch_signals() as is_told:
        assert not is_told()
        os.kill(os.getpid(), number)
        assert is_told()


def test_the_handler_of_before_is_there_again_after_the_block():
    before = signal.getsignal(signal.SIGTERM)

    def stop():
        with run.catch_signals():
            assert signal.getsignal(signal.SIGTERM) != before
            raise run.Stopped("after epoch 3")

    with pytest.raises(run.Stopped, match="after epoch 3"):
        stop()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_block_does_not_hear_of_a_signal_before_it():
    with run.catch_signals():
        os.kill(os.getpid(), signal.SIGTERM)
    with run.catch_signals() as is_told:
        assert not is_told()
