in vec2 v_uv;
out float out_light;
uniform sampler2D source;
uniform sampler2D depth;
uniform int stride;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy), last = textureSize(source, 0) - 1;
    float z = texelFetch(depth, here * stride, 0).r, sum = 0.0, weight = 1e-4;
    for (int y = -1; y <= 2; ++y)
        for (int x = -1; x <= 2; ++x) {
            ivec2 c = clamp(here + ivec2(x, y), ivec2(0), last);
            float w = abs(texelFetch(depth, c * stride, 0).r - z) < 0.08 * z ? 1.0 : 0.0;
            sum += w * texelFetch(source, c, 0).r;
            weight += w;
        }
    out_light = weight > 0.5 ? sum / weight : 1.0;
}
