// Hashes and noise on world coordinates. Every octave fades out as it nears the pixel size `px` (metres).

float hash(ivec3 c) {
    uint h = uint(c.x) * 1597334677u ^ uint(c.y) * 3812015801u ^ uint(c.z) * 2798796415u;
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return float((h ^ (h >> 16)) >> 8) * (1.0 / 16777216.0);
}

float cell(vec2 c, float salt) { return hash(ivec3(floor(c), int(salt))); }

float noise(vec3 p) {
    vec3 f = floor(p), t = p - f;
    ivec3 c = ivec3(f);
    t = t * t * (3.0 - 2.0 * t);
    vec4 a = vec4(hash(c), hash(c + ivec3(0, 1, 0)), hash(c + ivec3(0, 0, 1)), hash(c + ivec3(0, 1, 1)));
    vec4 b = vec4(hash(c + ivec3(1, 0, 0)), hash(c + ivec3(1, 1, 0)), hash(c + ivec3(1, 0, 1)), hash(c + 1));
    vec4 x = mix(a, b, t.x);
    vec2 y = mix(x.xz, x.yw, t.y);
    return mix(y.x, y.y, t.z) * 2.0 - 1.0;
}

float fade(float frequency, float px) { return clamp(1.6 - 2.6 * frequency * px, 0.0, 1.0); }

float grain(vec3 p, float frequency, float px) { return noise(p * frequency) * fade(frequency, px); }

float fbm3(vec3 p, float frequency, float px) {
    return 0.55 * grain(p, frequency, px) + 0.3 * grain(p + 17.3, frequency * 2.7, px)
         + 0.2 * grain(p + 41.9, frequency * 7.1, px);
}

// Share of the pixel that lies on lines of a width and a period, 0 or 1 close by and the mean far away.
float lines(float u, float period, float width, float px) {
    float d = abs(fract(u / period - 0.5) - 0.5) * period;
    float sharp = clamp((width * 0.5 - d) / max(px, 1e-5) + 0.5, 0.0, 1.0);
    return mix(width / period, sharp, fade(1.0 / period, px));
}
