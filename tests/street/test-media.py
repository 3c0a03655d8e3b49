#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is left of films and pictures once porchlight-ingest has locked them: what they show, to the last byte, and nothing else."""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

SECRET = '07' * 32
SECONDS = 4
TELLING = ('secret title', '52.5163', 'Lea Lamp', 'Camera Works', 'hostname.txt')
SEI = b'\x05\x28' + bytes(16) + b'secret title 52.5163 ...' + b'\x80'  # user data that nobody registered
# Where a camera may write something into the coded pictures: how they come about, where they go, before which bytes, and what.
INSIDE = {
    'h264': ('libx264', 'mp4', b'\0\0\0\1\x67', b'\0\0\0\1\x06' + SEI),
    'hevc': ('libx265', 'mp4', b'\0\0\0\1\x40\1', b'\0\0\0\1\x4e\1' + SEI),
    'mpegvideo': ('mpeg2video', 'mkv', b'\0\0\1\0', b'\0\0\1\xb2secret title'),
    'mjpeg': ('mjpeg', 'mkv', b'\xff\xdb', b'\xff\xe1\0\x1bExif\0\0secret title 52.516\xff\xfe\0\x0esecret title'),
}
WRITER, QUIET = {'mpegvideo': 'mpeg2video'}, {'hevc': ('-x265-params', 'log-level=none')}


def boxes(content):
    """Of an MP4 (ISO/IEC 14496-12, 4.2): what each box is, and all of it."""
    at = 0
    while at < len(content):
        size, kind = struct.unpack_from('>I4s', content, at)
        yield kind, content[at:at + size]
        at += size


def named_late(film, times):
    """The film with the last of its tracks named so often behind its first pictures, and not at the beginning."""
    made, late = b'', b''
    for kind, box in boxes(film):
        if kind == b'moov':
            inner = list(boxes(box[8:]))
            late = [track for name, track in inner if name == b'trak'][-1]
            rest = b''.join(part for _, part in inner if part is not late)
            box = struct.pack('>I4s', 8 + len(rest), b'moov') + rest
        made += box
        if kind == b'mdat' and late:
            made, late = made + late * times, b''
    return made


def pour(descriptor, source):
    with open(descriptor, 'wb') as pipe, open(source, 'rb') as file:
        try:
            shutil.copyfileobj(file, pipe)
        except BrokenPipeError:
            pass


class Media(street.Play):
    def open(self):
        self.ingest = os.path.join(self.programs.build, 'porchlight-ingest')
        self.unlock = os.path.join(self.programs.build, 'tests', 'unlock')
        self.public = subprocess.run([self.unlock, '--public', SECRET], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()

    # -- words --

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, content):
        with open(self.path(name), 'wb') as out:
            out.write(content)
        return self.path(name)

    def locked(self, source, *options):
        """Exit code of porchlight-ingest, and the stream."""
        with open(source, 'rb') as file:
            return self.locked_from(file, *options)

    def locked_from(self, descriptor, *options):
        done = subprocess.run([self.ingest, *options, self.public], stdin=descriptor, stdout=subprocess.PIPE, check=False,
                              env=self.env)
        return done.returncode, done.stdout

    def taken(self, source, *options):
        """What the clip of that file is, in the clear, as a file; and what was said of it."""
        code, stream = self.locked(source, *options)
        equal(code, 0, f'exit code, {source}')
        opened = subprocess.run([self.unlock, SECRET], input=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        return self.file('taken-' + os.path.basename(source), opened.stdout), json.loads(opened.stderr)

    def refused(self, source, name, *options):
        code, stream = self.locked(source, *options)
        equal(code, 1, f'exit code, {source}')
        opened = subprocess.run([self.unlock, SECRET], input=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        equal((opened.returncode, opened.stderr.decode().strip()), (2, name), 'the error in the stream')

    def tool(self, *args):
        if not shutil.which(args[0]):
            raise Skip(f'{args[0]} IS NOT INSTALLED: what is left of films and pictures is NOT looked at')
        return subprocess.run([*args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, cwd=self.folder).stdout

    def film(self, name, *more):
        self.tool('ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', f'testsrc=size=160x120:rate=25:duration={SECONDS}',
                  '-f', 'lavfi', '-i', f'sine=440:duration={SECONDS}', '-c:v', 'mpeg4', '-g', '25', '-bf', '2', '-c:a', 'aac',
                  '-metadata', 'title=secret title', '-metadata', 'location=+52.5163+013.3777/', '-metadata', 'artist=Lea Lamp',
                  '-metadata', 'make=Camera Works', '-metadata', 'creation_time=2026-11-20T14:05:00Z', *more, name)
        return self.path(name)

    def probe(self, path):
        return json.loads(self.tool('ffprobe', '-v', 'error', '-show_streams', '-show_format', '-show_chapters', '-of', 'json', path))

    def shows(self, path):
        """The coded pictures alone."""
        return self.tool('ffmpeg', '-v', 'error', '-i', path, '-map', '0:v:0', '-c', 'copy', '-f', 'streamhash', '-')

    def sounds(self, path):
        return self.tool('ffmpeg', '-v', 'error', '-i', path, '-map', '0:a:0', '-c', 'copy', '-f', 'streamhash', '-')

    def tells_nothing(self, path):
        with open(path, 'rb') as file:
            content = file.read()
        equal([word for word in TELLING if word.encode() in content], [], f'what {path} still tells')

    def needs_library(self, source):
        """Skips where the build has none."""
        _, said = self.taken(source)
        if said.get('as_is'):
            raise Skip('THIS BUILD HAS NO LIBAVFORMAT: films are taken byte for byte')

    def looked_at(self, source, *options, audio):
        taken, said = self.taken(source, *options)
        equal((said.get('as_is'), said.get('audio')), (None, audio or None), 'what was said')
        self.tells_nothing(taken)
        probed = self.probe(taken)
        equal([stream['codec_type'] for stream in probed['streams']], ['video'] + ['audio'] * audio, 'streams')
        equal(probed['chapters'], [], 'chapters')
        tags = {name.lower() for part in [probed['format'], *probed['streams']] for name in part.get('tags', {})}
        equal(tags - {'major_brand', 'minor_version', 'compatible_brands', 'language', 'handler_name', 'vendor_id', 'encoder'}, set(),
              'tags')
        equal(self.shows(taken), self.shows(source), 'the coded pictures')
        if audio:
            equal(self.sounds(taken), self.sounds(source), 'the coded sound')
        check(abs(said['length'] - SECONDS * 1000) < 200, f'length: {said}')
        return said

    # -- cases --

    def case_mp4(self):
        """an MP4: its pictures, no sound unless wanted, no tag, its length and when it began"""
        source = self.film('a.mp4', '-movflags', 'use_metadata_tags')
        with open(source, 'rb') as file:
            check(b'secret title' in file.read(), 'the film for the test tells nothing')
        self.needs_library(source)
        said = self.looked_at(source, audio=False)
        equal((said['media'], said['from'], said['to']), ('video/mp4', '2026-11-20T14:05:00Z', '2026-11-20T14:05:04Z'), 'times')
        self.looked_at(source, '--audio', audio=True)

    def case_matroska(self):
        """a Matroska file, with an attachment and chapters: the same"""
        self.file('hostname.txt', b'secret title')
        self.file('chapters', b';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=secret title\n')
        first = self.film('b.mp4')
        self.tool('ffmpeg', '-v', 'error', '-y', '-i', first, '-i', 'chapters', '-map_metadata', '0', '-map_chapters', '1',
                  '-c', 'copy', '-attach', 'hostname.txt', '-metadata:s:t', 'mimetype=text/plain', 'b.mkv')
        source = self.path('b.mkv')
        check(self.probe(source)['chapters'], 'the film for the test has no chapters')
        self.needs_library(source)
        equal(self.looked_at(source, audio=False)['media'], 'video/x-matroska', 'what it is')
        self.looked_at(source, '--audio', audio=True)

    def case_late(self):
        """a stream that the file names only behind its first pictures is left out, as are many"""
        self.file('late.srt', b'1\n00:00:00,000 --> 00:00:02,000\nLea Lamp\n\n2\n00:00:02,000 --> 00:00:04,000\n52.5163\n')
        plain = self.film('plain.mp4', '-an', '-movflags', 'frag_keyframe+empty_moov+default_base_moof')
        self.tool('ffmpeg', '-v', 'error', '-y', '-i', plain, '-i', 'late.srt', '-c:v', 'copy', '-c:s', 'mov_text',
                  '-movflags', 'frag_keyframe+empty_moov+default_base_moof', 'titled.mp4')
        self.needs_library(plain)
        with open(self.path('titled.mp4'), 'rb') as file:
            whole = file.read()
        for times in (1, 40):
            source = self.file(f'late{times}.mp4', named_late(whole, times))
            read, write = os.pipe()  # what is not read yet is not known there
            feeder = threading.Thread(target=pour, args=(write, source))
            feeder.start()
            code, stream = self.locked_from(read)
            os.close(read)
            feeder.join()
            if times == 1:
                equal(code, 0, 'exit code')
            check(code in (0, 1), f'{times} streams named late: ended with {code}')
            if code == 0:
                opened = subprocess.run([self.unlock, SECRET], input=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
                taken = self.file('taken.mp4', opened.stdout)
                self.tells_nothing(taken)
                equal(self.shows(taken), self.shows(plain), 'the coded pictures')

    def case_inside(self):
        """what a camera has written into the coded pictures themselves is gone, and they show the same"""
        self.needs_library(self.film('inside.mp4'))
        coders = self.tool('ffmpeg', '-v', 'error', '-encoders').decode().split()
        for codec, (coder, kind, before, what) in INSIDE.items():
            if coder not in coders:
                print(f'# {coder} IS NOT THERE: {codec} is not looked at')
                continue
            self.tool('ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=160x120:rate=25:duration=1', '-c:v', coder,
                      '-g', '10', '-pix_fmt', 'yuvj420p' if codec == 'mjpeg' else 'yuv420p', *QUIET.get(codec, ()), '-f', WRITER.get(codec, codec), 'plain')
            with open(self.path('plain'), 'rb') as file:
                plain = file.read()
            check(before in plain, f'{codec}: the film for the test is made in another way')
            self.file('telling', plain.replace(before, what + before))
            self.tool('ffmpeg', '-v', 'error', '-y', '-fflags', '+genpts', '-f', codec, '-i', 'telling', '-c', 'copy', 'telling.' + kind)
            with open(self.path('telling.' + kind), 'rb') as file:
                check(b'secret title' in file.read(), f'{codec}: the film for the test tells nothing')
            taken, _ = self.taken(self.path('telling.' + kind))
            self.tells_nothing(taken)
            equal(self.pictures(taken), self.pictures(self.path('plain'), codec), f'{codec}: what it shows')
            # What coders say of themselves, in the head of a file, too.
            film = self.film('direct.' + kind, '-t', '1', '-c:v', coder, '-bf', '0', *QUIET.get(codec, ()))
            taken, _ = self.taken(film)
            equal(self.pictures(taken), self.pictures(film), f'{codec}: what it shows, when it was coded into its file')
            with open(taken, 'rb') as file:
                content = file.read()
            equal([word for word in (b'x264 - core', b'x265 (build', b'Lavc') if word in content], [], f'{codec}: what its coder says')

    def pictures(self, path, kind=None):
        return self.tool('ffmpeg', '-v', 'error', *(['-f', kind] if kind else []), '-i', path, '-map', '0:v:0', '-fps_mode', 'passthrough',
                         '-f', 'streamhash', '-')

    def case_as_is(self):
        """--as-is: every byte, and it is said"""
        source = self.film('c.mp4')
        taken, said = self.taken(source, '--as-is')
        with open(source, 'rb') as one, open(taken, 'rb') as other:
            equal(hashlib.sha256(one.read()).digest(), hashlib.sha256(other.read()).digest(), 'the file')
        equal(said['as_is'], True, 'what was said')

    def case_broken(self):
        """a film that is cut off, garbled, or only begins as one ends in an error, or as far as it goes; never in a crash"""
        source = self.film('d.mp4')
        self.needs_library(source)
        with open(source, 'rb') as file:
            whole = file.read()
        self.refused(self.file('e.mp4', whole[:40] + self.rng.randbytes(100000)), 'media-broken')
        self.refused(self.file('f.mp4', whole[:1000]), 'media-broken')
        self.taken(self.path('f.mp4'), '--as-is')
        for number in range(60):
            bad = bytearray(whole)
            for _ in range(self.rng.randrange(1, 40)):
                bad[self.rng.randrange(len(bad))] = self.rng.randrange(256)
            code, _ = self.locked(self.file('g.mp4', bad))
            check(code in (0, 1), f'ended with {code} at number {number}')

    def case_jpeg(self):
        """a JPEG: EXIF, comments, thumbnails and what stands behind it are gone, every pixel is there"""
        self.tool('ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=160x120', '-frames:v', '1', 'h.jpg')
        with open(self.path('h.jpg'), 'rb') as file:
            plain = file.read()

        def segment(marker, body):
            return bytes([0xff, marker]) + struct.pack('>H', len(body) + 2) + body

        telling = (segment(0xe1, b'Exif\0\0 secret title 52.5163') + segment(0xe1, b'http://ns.adobe.com/xap/1.0/\0 Lea Lamp') +
                   segment(0xed, b'Photoshop 3.0\0 Camera Works') + segment(0xfe, b'secret title'))
        source = self.file('i.jpg', plain[:2] + telling + plain[2:] + b'secret title ftypmp42 a film')
        taken, said = self.taken(source)
        equal((said['media'], said.get('as_is')), ('image/jpeg', None), 'what was said')
        self.tells_nothing(taken)
        equal(self.pixels(taken), self.pixels(self.path('h.jpg')), 'the pixels')
        self.refused(self.file('j.jpg', plain[:2] + telling[:30]), 'media-broken')
        self.refused(self.file('k.jpg', b'\xff\xd8\xff' + b'not a picture'), 'media-broken')
        self.taken(self.file('l.jpg', plain[:-500]))  # one that a camera did not end

    def pixels(self, path):
        return self.tool('ffmpeg', '-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-')

    def case_png(self):
        """a PNG: texts, EXIF and times are gone, every pixel is there"""
        self.tool('ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=160x120', '-frames:v', '1', 'm.png')
        with open(self.path('m.png'), 'rb') as file:
            plain = file.read()

        def chunk(kind, body):
            return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))

        head = 8 + 25  # signature and IHDR
        telling = (chunk(b'tEXt', b'Title\0secret title') + chunk(b'eXIf', b'MM\0* 52.5163') + chunk(b'tIME', bytes(7)) +
                   chunk(b'iCCP', b'Camera Works\0\0'))
        source = self.file('n.png', plain[:head] + telling + plain[head:] + b'secret title')
        taken, said = self.taken(source)
        equal((said['media'], said.get('as_is')), ('image/png', None), 'what was said')
        self.tells_nothing(taken)
        equal(self.pixels(taken), self.pixels(self.path('m.png')), 'the pixels')
        self.refused(self.file('o.png', plain[:-20]), 'media-broken')
        self.refused(self.file('p.png', plain[:8] + chunk(b'ABCD', b'x')), 'media-broken')

    def case_any(self):
        """any other file: byte for byte, and it is said"""
        source = self.file('q', self.rng.randbytes(200000))
        taken, said = self.taken(source)
        with open(source, 'rb') as one, open(taken, 'rb') as other:
            check(one.read() == other.read(), 'another file came out')
        equal((said['as_is'], said['media'], said['size']), (True, 'application/octet-stream', 200000), 'what was said')

    def case_process(self):
        """a reader that goes away, no file, bad words: it ends, with a line or an error"""
        for words in ((), ('zz',), (self.public, 'more'), ('--loud', self.public), (self.public[:-2],)):
            done = subprocess.run([self.ingest, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  check=False)
            equal((done.returncode, done.stdout), (2, b''), f'with the words {words}')
            check(done.stderr, 'it says nothing')
        with open('/dev/zero', 'rb') as endless:
            process = subprocess.Popen([self.ingest, self.public], stdin=endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.read(200000)
            process.stdout.close()
            equal(process.wait(street.PATIENCE), 1, 'without a reader')
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([self.ingest, self.public], stdin=subprocess.DEVNULL, stdout=full, check=False)
            equal(done.returncode, 1, 'on a full disk')
        folder = os.open(self.folder, os.O_RDONLY)  # can be opened, and not read
        done = subprocess.run([self.ingest, self.public], stdin=folder, stdout=subprocess.PIPE, check=False)
        os.close(folder)
        check(done.returncode == 1 and b'cannot-read' in done.stdout, f'of a folder: {done}')


if __name__ == '__main__':
    street.main(Media)
