// Screen-space ambient occlusion from the exact depth (after Filion and McNaughton, SIGGRAPH 2008 course).
in vec2 v_uv;
out float out_light;
uniform sampler2D depth;
uniform vec4 pinhole;   // fx, fy, cx, cy in depth pixels
uniform float radius;   // metres
uniform int stride;     // depth pixels for one pixel here

vec3 at(ivec2 c, ivec2 size) {
    c = clamp(c, ivec2(0), size - 1);
    float z = texelFetch(depth, c, 0).r;
    z = z > 0.0 ? z : 1e4;
    vec2 pixel = vec2(float(c.x) + 0.5, float(size.y - c.y) - 0.5);
    return vec3((pixel - pinhole.zw) / pinhole.xy * z, z);
}

void main() {
    ivec2 size = textureSize(depth, 0);
    ivec2 here = ivec2(gl_FragCoord.xy) * stride;
    vec3 p = at(here, size);
    vec3 l = p - at(here - ivec2(stride, 0), size), r = at(here + ivec2(stride, 0), size) - p;
    vec3 b = p - at(here - ivec2(0, stride), size), t = at(here + ivec2(0, stride), size) - p;
    vec3 dx = abs(l.z) < abs(r.z) ? l : r, dy = abs(b.z) < abs(t.z) ? b : t;
    vec3 n = normalize(cross(dx, dy));
    n *= -sign(dot(n, p));
    float reach = clamp(radius * pinhole.x / p.z, 3.0 * float(stride), 90.0 * float(stride));
    float metres = reach * p.z / pinhole.x;
    ivec2 tile = ivec2(gl_FragCoord.xy) & 3;
    float angle = float(tile.x * 4 + tile.y) * 0.3927 * 5.0, sum = 0.0;
    for (int i = 0; i < 10; ++i) {
        float a = angle + float(i) * 2.39996, s = sqrt((float(i) + 0.5) / 10.0);
        vec3 v = at(here + ivec2(reach * s * vec2(cos(a), sin(a))), size) - p;
        float d = length(v) + 1e-4;
        sum += clamp(dot(n, v) / d - 0.12, 0.0, 1.0) * clamp(1.6 - d / metres, 0.0, 1.0);
    }
    out_light = texelFetch(depth, here, 0).r > 0.0 ? clamp(1.0 - sum * 0.22, 0.15, 1.0) : 1.0;
}
