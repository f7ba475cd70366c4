"""The page, served by a thread of this process on a free port."""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from types import SimpleNamespace

import numpy as np
import soundfile
import tiny_model
import uvicorn

from dawnchorus.page import classification, web_application

RATE, N_FFT = tiny_model.SAMPLE_RATE, tiny_model.FRONTEND["n_fft"]
# in which the tiny model finds its classes [Hz]
BANDS = {"low": (60, 1900), "high": (2000, 3900)}
UPLOAD = {"Content-Type": web_application.UPLOAD}


def wav(*parts, seconds=3.0, channels=1):
    """Return the bytes of a recording of faint noise.

    Each part has a frequency [Hz] of a tone or a class of `BANDS`, onset and offset [s].
    """
    times = np.arange(round(seconds * RATE)) / RATE
    sound = 1e-4 * np.random.default_rng(0).standard_normal(len(times))
    for what, onset_s, offset_s in parts:
        if what in BANDS:
            # one period of the Fourier transform: all bins of the band, the same in every frame, with
            # phases after Schroeder (1970), so that it is loud with small peaks
            hz = np.fft.rfftfreq(N_FFT, 1 / RATE)
            phases = np.exp(1j * np.pi * np.arange(len(hz)) ** 2 / len(hz))
            low, high = BANDS[what]
            period = np.fft.irfft(phases * ((hz >= low) & (hz <= high)), N_FFT)
            own = np.resize(0.45 / abs(period).max() * period, len(times))
        else:
            own = 0.5 * np.sin(2 * np.pi * what * times)
        sound += own * ((times >= onset_s) & (times < offset_s))
    held = io.BytesIO()
    soundfile.write(held, np.stack([sound] * channels, axis=1), RATE, format="WAV")
    return held.getvalue()


@contextlib.contextmanager
def served(model, limits=None, thresholds=(), **options):
    """Yield the port on which a model is served."""
    classifier = classification.Classifier(
        model, limits or classification.Limits(), thresholds, threads=1
    )
    application = web_application.application(classifier, **options)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            application, lifespan="off", ws="none", http="h11", loop="asyncio", log_level="error"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def ask(port, method="GET", path="/", body=None, **headers):
    """Return status, headers and text of an answer; underscores of header names are hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return SimpleNamespace(
            status=answer.status, headers=dict(answer.getheaders()), text=answer.read().decode()
        )
    finally:
        connection.close()


def classify(port, content, name="a.wav", **headers):
    """Return the answer on a recording, read where it is one."""
    path = f"/classify?name={name}"
    answer = ask(port, "POST", path, content, **{"Content-Type": web_application.UPLOAD, **headers})
    if answer.status == 200:
        answer.found = json.loads(answer.text)
    return answer
