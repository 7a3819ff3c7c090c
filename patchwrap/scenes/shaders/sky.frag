in vec2 v_uv;
out vec4 out_colour;
uniform vec3 corner;
uniform vec3 across;
uniform vec3 down;
uniform float clouds;
uniform float cloud_seed;

void main() {
    vec3 d = normalize(corner + v_uv.x * across + (1.0 - v_uv.y) * down);
    vec3 colour = sky_gradient(d);
    vec3 q = vec3(d.xy / (max(d.z, 0.0) + 0.12), cloud_seed);
    float n = 0.5 * noise(q * 1.1) + 0.28 * noise(q * 2.7 + 9.0) + 0.15 * noise(q * 6.3 + 3.0) + 0.08 * noise(q * 14.0);
    float cover = smoothstep(0.45 - 0.9 * clouds, 0.85 - 0.7 * clouds, n * 1.4 + 0.1);
    cover *= smoothstep(0.0, 0.14, d.z);
    vec3 white = horizon * 0.9 + sun_colour * 0.12;
    vec3 grey = mix(white, zenith * 0.6 + vec3(0.18), clamp(n + 0.25, 0.0, 1.0) * 0.7);
    out_colour = vec4(mix(colour, grey, cover * 0.92), 1.0);
}
