# SPDX-License-Identifier: Apache-2.0
"""Debian's motion, let loose on a film in which something moves, with contrib/motion's configuration and hook."""
import os
import re
import shutil
import subprocess

import street

PATIENCE = 60
CONF = """daemon off
setup_mode off
webcontrol_port 0
stream_port 0
netcam_url file://{film}
width {width}
height {height}
framerate 10
threshold 300
event_gap 2
picture_output off
target_dir {out}
camera_name front door
"""


def wanted():
    for program in ('motion', 'ffmpeg'):
        if not shutil.which(program):
            raise street.Skip(f'{program} IS NOT INSTALLED: that motion hands in its films is NOT looked at')


def film(path, size, box, begins, ends, seconds, *codec, ground='null'):
    """A film of so many @seconds in which a @box (a source of pictures, for ffmpeg) goes over the gray from @begins to @ends: motion
    learns before what nothing looks like, and sees after that it is over. @ground is a filter that the gray goes through."""
    width, height = size
    over = f"overlay=x='if(between(t,{begins},{ends}),mod((t-{begins})*60,{width}),-{width})':y={height // 3}"
    subprocess.run(['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', f'color=c=gray:s={width}x{height}:r=10:d={seconds},{ground}', '-f', 'lavfi',
                    '-i', box, '-filter_complex', f'[0][1]{over}', '-pix_fmt', 'yuv420p', '-g', '10', *codec, path], check=True,
                   stdin=subprocess.DEVNULL)


def conf(play, path, out, size, *more, hook=None):
    """What contrib/motion says, with the hook where it lies here. Where the configuration is."""
    folder = os.path.join(street.ROOT, 'contrib', 'motion')
    with open(os.path.join(folder, 'porchlight.conf'), encoding='utf-8') as file:
        ours = file.read()
    street.check('motion-clip' in ours, 'the configuration names no hook')
    ours = re.sub(r'(?m)^on_movie_end \S+', f'on_movie_end {hook or folder + "/motion-clip"}', ours)
    name = os.path.join(play.folder, 'motion.conf')
    with open(name, 'w', encoding='utf-8') as file:
        file.write(CONF.format(film=path, out=out, width=size[0], height=size[1]) + ours + ''.join(f'{line}\n' for line in more))
    return name


def run(play, home, configuration, until):
    """motion looks, and hands in at @home, until @until()."""
    env = dict(play.env, PORCHLIGHT_DATA=home.folder, PATH=os.path.dirname(play.programs.cli) + ':' + play.env['PATH'])
    with open(os.path.join(play.folder, 'motion.log'), 'wb') as log:
        process = subprocess.Popen(['motion', '-n', '-c', configuration], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   cwd=play.folder, preexec_fn=street.die_with_parent)
    play.processes.append(process)
    try:
        play.wait(until, 'a clip', PATIENCE)
    finally:
        process.terminate()
        process.wait(street.STOP_SECONDS)
