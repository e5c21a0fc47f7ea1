/**
 * A picture and a sound to send where there is no camera, or none is to be used: a clock on colours that move, and
 * every few seconds a soft chime.
 *
 * @module test-picture
 */

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES_PER_SECOND = 15;

/** Seconds between two chimes. */
const CHIME_EVERY = 4;
const CHIME = [523.25, 659.25]; // C5 and E5, in hertz
const CHIME_GAIN = 0.05;

/**
 * Begins to make them.
 *
 * @param {string} name  stands in the picture.
 * @returns {{ audio: MediaStreamTrack, video: MediaStreamTrack, stop: () => void }}
 */
export function openTestPicture(name) {
    const picture = openPicture(name);
    const sound = openSound();
    return {
        audio: sound.track,
        video: picture.track,
        stop() {
            picture.stop();
            sound.stop();
        },
    };
}

/** @param {string} name */
function openPicture(name) {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    const hue = hueOf(name);
    draw(context, name, hue);
    // Timers go on in tabs that nobody looks at, if slowly; frames of animations do not.
    const timer = setInterval(() => draw(context, name, hue), 1000 / FRAMES_PER_SECOND);
    const [track] = canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks();
    return {
        track,
        stop() {
            clearInterval(timer);
            track.stop();
        },
    };
}

/** @param {CanvasRenderingContext2D} context @param {string} name @param {number} hue  in degrees. */
function draw(context, name, hue) {
    const time = new Date();
    const seconds = time.getTime() / 1000;
    const sweep = context.createLinearGradient(0, 0, WIDTH, HEIGHT);
    sweep.addColorStop(0, `hsl(${hue + 20 * Math.sin(seconds / 3)} 55% 26%)`);
    sweep.addColorStop(1, `hsl(${hue + 60 + 20 * Math.cos(seconds / 4)} 60% 40%)`);
    context.fillStyle = sweep;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    for (let ring = 0; ring < 3; ring += 1) {
        const angle = seconds / (2 + ring) + ring * 2;
        context.fillStyle = `hsl(${hue + 40 * ring} 80% 70% / 22%)`;
        context.beginPath();
        const [x, y] = [WIDTH / 2 + 220 * Math.cos(angle), HEIGHT / 2 + 90 * Math.sin(angle)];
        context.arc(x, y, 70 + 16 * ring, 0, 2 * Math.PI);
        context.fill();
    }
    context.textAlign = "center";
    context.fillStyle = "white";
    context.font = "600 76px system-ui, sans-serif";
    context.fillText(time.toLocaleTimeString("en-GB"), WIDTH / 2, HEIGHT / 2 + 14);
    context.font = "500 26px system-ui, sans-serif";
    context.fillText(name, WIDTH / 2, HEIGHT / 2 + 60, WIDTH - 80);
}

/** @param {string} name */
function hueOf(name) {
    const sum = [...name].reduce((total, character) => (total * 31 + (character.codePointAt(0) ?? 0)) % 360, 7);
    return 180 + (sum % 160); // from green by blue to violet: white text can be read on all of it
}

function openSound() {
    const context = new AudioContext();
    const target = context.createMediaStreamDestination();
    const chime = () => {
        CHIME.forEach((pitch, index) => playNote(context, target, pitch, context.currentTime + 0.18 * index));
    };
    const timer = setInterval(chime, 1000 * CHIME_EVERY);
    // A page that nobody has touched may make no sound; it may as soon as somebody does.
    const resume = () => void context.resume();
    document.addEventListener("pointerdown", resume);
    document.addEventListener("keydown", resume);
    const [track] = target.stream.getAudioTracks();
    return {
        track,
        stop() {
            clearInterval(timer);
            document.removeEventListener("pointerdown", resume);
            document.removeEventListener("keydown", resume);
            track.stop();
            void context.close();
        },
    };
}

/**
 * @param {AudioContext} context
 * @param {AudioNode} target
 * @param {number} pitch  in hertz.
 * @param {number} start  in seconds of the context.
 */
function playNote(context, target, pitch, start) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.frequency.value = pitch;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(CHIME_GAIN, start + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.7);
    oscillator.connect(gain).connect(target);
    oscillator.start(start);
    oscillator.stop(start + 0.75);
}
